#!/usr/bin/perl

# Clients that are slower than what they have to be told: one that reads gets all of a log that is
# larger than messaging_stream_buffer, at its own pace; one that does not read is cut.

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
        messaging_stream_buffer 16k;
        location /api/messages { messaging; }
        location /limited { messaging; messaging_stream_buffer 256k; limit_rate 100k; }
        location /filtered {
            messaging;
            sub_filter_types text/event-stream;
            sub_filter nothing-of-ours something;
        }
    }
CONF
$t->run;
my $id = $t->open_conversation('alice', 'bob');

# A position of bob's, and this many messages after it.
my $before = $t->stream('bob');
$t->send_text('alice', $id, 'seen');
$before->event('message');
$before->close;
my $sent = 1;
my $say = sub { $t->send_text('alice', $id, sprintf('%04d', ++$sent) . 'x' x 5000) };
$say->() for 1 .. 100;

# Comes back to bob's position. The window of its connection is small.
sub come_back {
    my ($prefix) = @_;
    my $socket = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $!";
    setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096;
    connect $socket, Socket::pack_sockaddr_in($t->port, Socket::inet_aton('127.0.0.1')) or die "connect: $!";
    print $socket "GET $prefix/stream HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ", $before->last_id,
        "\r\nAuthorization: Bearer ", $t->token('bob'), "\r\n\r\n";
    $socket->flush;
    return $socket;
}

# Reads a little at a time, up to the message of this number or to the end.
sub read_slowly {
    my ($socket, $to) = @_;
    my $text = '';
    $t->wait_for("message $to", sub {
        my $read = sysread $socket, $text, 4000, length $text;
        return !$read || index($text, sprintf '"content":"%04dx', $to) >= 0 && $text =~ /\n\n(\r\n)?\z/;
    }, 60);
    return $text;
}

sub seqs { return [$_[0] =~ /^event: message\r?\ndata: \{[^\n]*?"seq":(\d+)/mg] }

for my $prefix ('/api/messages', '/filtered', '/limited') {
    my $socket = come_back($prefix);
    sysread $socket, my $first, 2000;
    like($first, qr{^HTTP/1\.1 200}, "$prefix: a slow client comes back");
    $say->();
    my $text = $first . read_slowly($socket, $sent);
    $text =~ s/\r\n[0-9a-f]+\r\n//g;
    like($text, qr/"resumed":true/, "$prefix: to a log that is larger than the buffer");
    is_deeply(seqs($text), [2 .. $sent], "$prefix: and gets all of it");
    $say->();
    read_slowly($socket, $sent);
    pass("$prefix: then it is live");
    close $socket;
}
unlike($t->read_file('error.log'), qr/ended: slow/, 'none was cut');

# Pieces that wait for their time are sent by a timer, and others follow: nginx's filters still
# hold links to the first ones then.
my $limited = $t->stream('bob', path => '/limited/stream');
for my $round (1 .. 3) {
    $say->() for 1 .. 20;
    my $last = sprintf '%04d', $sent;
    ok($limited->event('message', sub { $_[0]{content} =~ /^$last/ }), "limit_rate, round $round");
}
is_deeply([map { $_->{json}{seq} } grep { $_->{event} eq 'message' } $limited->events],
    [$sent - 59 .. $sent], 'in order');
$limited->close;

my $deaf = come_back('/api/messages');
$t->wait_for('the end of a client that does not read', sub { $t->read_file('error.log') =~ /ended: slow/ }, 30);
pass('a client that does not read is cut');

$t->finish;
