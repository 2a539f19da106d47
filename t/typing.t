#!/usr/bin/perl

# Typing: said at once to the others of a conversation who look now, kept nowhere, and to nobody whose
# connection is slow.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use JSON::PP ();
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%% sndbuf=8k;
        messaging_stream_buffer 16k;
        location /api/messages { messaging; }
        location /other { messaging site=other; }
    }
CONF
$t->run;
my $id = $t->open_conversation('alice', 'bob', 'carol');
$t->send_text('alice', $id, 'first');
my $typing = "/conversations/$id/typing";
my ($alice, $bob, $carol, $eve) = map { $t->stream($_) } qw(alice bob carol eve);
my $sunday = $t->stream('bob', path => '/other/stream');

my $r = $t->post($typing, {}, headers => { Authorization => 'Bearer ' . $t->token('alice', name => 'Alice') });
is($r->{status} . '|' . ($r->{content} // ''), '204|', 'said');
my $event = $bob->event('typing');
is_deeply($event->{json}, { conversationId => $id, userId => 'alice', name => 'Alice', typing => JSON::PP::true() },
    'and heard');
is($carol->event('typing')->{json}{userId}, 'alice', 'by all the others');
is($t->post($typing, { typing => JSON::PP::false() }, as => 'bob')->{status}, 204, 'no more');
$event = $alice->event('typing');
is_deeply($event->{json}, { conversationId => $id, userId => 'bob', name => undef, typing => JSON::PP::false() },
    'which is heard too');
is($t->request('POST', $typing, undef, as => 'alice')->{status}, 204, 'a body is not needed');
ok($bob->event('typing', sub { $_[0]{userId} eq 'alice' }), 'to say it');

# Nobody else's business.
is($t->post($typing, {}, as => 'eve')->{status}, 404, 'a stranger');
is($t->post('/conversations/' . 'f' x length($id) . '/typing', {}, as => 'eve')->{status}, 404, 'as where nothing is');
is($t->post($typing, {})->{status}, 401, 'nobody');
is($t->post($typing, {}, as => 'alice', base => 'http://127.0.0.1:' . $t->port . '/other')->{status}, 404,
    'another site');
my %cookie = (Cookie => 'session=' . $t->token('alice'));
is($t->post($typing, {}, headers => { %cookie, 'Sec-Fetch-Site' => 'cross-site' })->{status}, 403,
    'a page of another origin');
is($t->request('POST', $typing, undef, headers => { %cookie, Origin => 'http://evil.example' })->{status}, 403,
    'without a body neither');
is($t->request('POST', $typing, undef, headers => {%cookie})->{status}, 403, 'nor who does not say where it is from');
is($t->post($typing, {}, headers => { %cookie, 'Sec-Fetch-Site' => 'same-origin' })->{status}, 204, 'the own page may');
for my $bad ([400, 'invalid_field', '{"typing":1}'], [400, 'unknown_field', '{"seq":1}'], [400, 'invalid_json', '[']) {
    my $r = $t->post($typing, $bad->[2], as => 'alice');
    is("$r->{status} $r->{json}{code}", "$bad->[0] $bad->[1]", "refused: $bad->[2]");
}
is($t->get($typing, as => 'alice')->{status}, 405, 'it is said, not asked');

# A message tells that all of it came: what was not for them did not.
$t->send_text('alice', $id, 'second');
$_->event('message', sub { $_[0]{content} eq 'second' }) for $alice, $bob, $carol;
$t->open_conversation('eve', 'dave');
$eve->event('conversation');
is(scalar(grep { $_->{event} eq 'typing' && $_->{json}{userId} eq 'alice' } $alice->events), 0, 'not to oneself');
is(scalar(grep { $_->{event} eq 'typing' } $eve->events, $sunday->events), 0, 'not to strangers');

# It stands in no log, and moves nobody's place in it.
my $before = $bob->last_id;
$t->post($typing, {}, as => 'alice') for 1 .. 3;
$carol->event('typing') for 1 .. 3;
is($bob->last_id, $before, 'no id of its own');
$bob->close;
$t->post($typing, {}, as => 'alice');
$t->send_text('alice', $id, 'third');
my $again = $t->stream('bob', raw => 1, headers => { 'Last-Event-ID' => $before });
is($again->event('hello')->{json}{resumed}, JSON::PP::true(), 'a stream goes on from there');
is($again->event('message')->{json}{content}, 'third', 'with the next message');
is(scalar(grep { $_->{event} =~ /^(typing|reset)$/ } $again->events), 0, 'and without what was said in passing');

# A client that does not read misses it, and is not cut for it.
my $deaf = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $!";
setsockopt $deaf, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096;
connect $deaf, Socket::pack_sockaddr_in($t->port, Socket::inet_aton('127.0.0.1')) or die "connect: $!";
print $deaf "GET /api/messages/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ", $t->token('carol'), "\r\n\r\n";
$deaf->flush;
sysread $deaf, my $head, 4096;
like($head, qr/200 OK/, 'a client that does not read');
my $long = 'A' x 128;
my $token = $t->token('alice', name => $long);
for my $n (1 .. 500) {
    $t->post($typing, {}, headers => { Authorization => "Bearer $token" });
}
$carol->event('typing', sub { ($_[0]{name} // '') eq $long });
$t->send_text('alice', $id, 'fourth');
$carol->event('message', sub { $_[0]{content} eq 'fourth' });
unlike($t->read_file('error.log'), qr/ended: slow/, 'is not cut for what it may miss');
my $text = '';
$t->wait_for('the message', sub {
    sysread $deaf, $text, 65536, length $text;
    return $text =~ /"content":"fourth"/;
});
my $count = () = $text =~ /event: typing/g;
cmp_ok($count, '<', 500, 'it missed some');
unlike($text, qr/event: (reset|bye)/, 'and lost nothing else');

# Redis comes back: typing goes on.
$t->end('redis', 'KILL');
$t->wait_for('the loss', sub { $t->post($typing, {}, as => 'alice')->{status} == 503 });
$t->start_redis;
$t->wait_ready;
$carol->event('reset');
$t->wait_for('typing', sub { $t->post($typing, {}, as => 'bob')->{status} == 204 });
ok($carol->event('typing', sub { $_[0]{userId} eq 'bob' }), 'after a loss of Redis too');

$t->finish;
