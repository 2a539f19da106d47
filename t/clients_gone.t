#!/usr/bin/perl

# Clients that leave at any byte, read nothing, or send half a request: nobody else notices.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%% sndbuf=8k;
        location /api/messages { messaging; messaging_stream_buffer 16k; messaging_streams_per_user 4; }
    }
CONF
$t->run;
my $id = $t->open_conversation('alice', 'bob');

sub raw { return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port) }

my $token = $t->token('alice');
my $body = '{"content":"half"}';
my $request = "POST /api/messages/conversations/$id/messages HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $token\r\nContent-Type: application/json\r\nIdempotency-Key: abort\r\n"
    . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
for (my $cut = 1; $cut <= length $request; $cut += 7) {
    my $socket = raw();
    print $socket substr $request, 0, $cut;
    $socket->flush;
    setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'ii', 1, 0 if $cut % 2;
    close $socket;
}
my $whole = raw();
print $whole $request;
$whole->flush;
close $whole;
is($t->send_text('alice', $id, 'half', key => 'abort')->{json}{seq}, 1,
    'cut off at every 7th byte: stored once at most');

for my $n (1 .. 20) {
    my $socket = raw();
    print $socket "GET /api/messages/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n";
    $socket->flush;
    sysread $socket, my $some, $n * 10 if $n % 2;
    close $socket;
}
pass('streams cut off while they open');

# One that never reads: closed at its limit; another of the same person is not held up.
my $slow = raw();
setsockopt $slow, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 2048;
print $slow "GET /api/messages/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " . $t->token('bob') . "\r\n\r\n";
$slow->flush;
my $quick = $t->stream('bob');
my $sent = 0;
$t->wait_for('the end of the slow one', sub {
    $t->send_text('alice', $id, 'x' x 5000);
    $sent++;
    $quick->event('message', sub { length $_[0]{content} == 5000 });
    $t->read_file('error.log') =~ /ended: slow/;
}, 60);
pass("a reader that does not read is closed, after $sent messages");
close $slow;

my @tabs = map { $t->stream('carol') } 1 .. 5;
is($tabs[0]->event('bye')->{json}{code}, 'limit', 'one stream too many: the oldest says bye');
ok(!$tabs[4]->closed, 'the newest lives');

# Tokens end, and their streams with them.
my $short = $t->stream('alice', headers => { Authorization => 'Bearer ' . $t->token('alice', ttl => 2) });
is($short->event('bye')->{json}{code}, 'expired', "a stream ends when its token does");
$short->until_closed;
pass('and is closed');

$t->finish;
