#!/usr/bin/perl

# Redis forgets, restarts or cuts the subscription: open streams catch up or are told to fetch
# again; nobody has to reconnect for it, and no message is lost.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;
my $id = $t->open_conversation('alice', 'bob');
my $bob = $t->stream('bob');
my $said = 0;

# Says one more, repeated with its key while the answer is "try again".
sub say_one {
    my $key = 'k' . ++$said;
    my $r;
    $t->wait_for("message $said", sub {
        $r = $t->send_text('alice', $id, "m$said", key => $key);
        $r->{status} =~ /^20/;
    });
    return $r->{json}{seq};
}

# bob gets the message on his stream, or a reset upon which he fetches and finds it.
sub converges {
    my ($what) = @_;
    my $seq = say_one();
    my $how = '';
    $t->wait_for($what, sub {
        $bob->pump(0.05);
        my @new = grep { !$_->{seen}++ } $bob->events;
        $how = 'reset' if grep { $_->{event} eq 'reset' } @new;
        $how ||= 'event' if grep { $_->{event} eq 'message' && $_->{json}{seq} == $seq } @new;
        return $how;
    });
    my $history = $t->get("/conversations/$id/messages", as => 'bob')->{json}{messages};
    is_deeply([map { $_->{seq} } @$history], [1 .. $seq], "$what: all messages, no hole ($how)");
    ok(!$bob->closed, "$what: the stream stays open");
    return $how;
}

is(converges('to begin with'), 'event', 'live');

$t->redis('CLIENT', 'KILL', 'TYPE', 'pubsub');
converges('subscription cut');

$t->redis('CLIENT', 'KILL', 'TYPE', 'pubsub');
say_one() for 1 .. 3;
converges('subscription cut, several messages');

$t->redis('CLIENT', 'KILL', 'TYPE', 'normal');
converges('all connections cut');

$t->redis('FLUSHALL');
is(converges('everything deleted'), 'reset', 'a log that is gone is a reset');
is(converges('after it'), 'event', 'then live again');

$t->end('redis', 'KILL');
$t->start_redis;
is(converges('restarted without data'), 'reset', 'another run is a reset');
is(converges('after the restart'), 'event', 'then live again');

# An old snapshot: what it holds of logs and badges must not be believed.
is($t->get('/unread-count', as => 'bob')->{json}{count}, $said, 'the badge');
$t->redis('SAVE');
say_one() for 1 .. 5;
is($t->get('/unread-count', as => 'bob')->{json}{count}, $said, 'the badge goes on');
$t->end('redis', 'KILL');
$t->start_redis('--dbfilename', 'dump.rdb');
$t->wait_for('the badge', sub { $t->get('/unread-count', as => 'bob')->{status} == 200 });
is($t->get('/unread-count', as => 'bob')->{json}{count}, $said, 'an old badge is not believed');
is(converges('restarted from an old snapshot'), 'reset', 'an old log is a reset');

my $last = $bob->last_id;
$bob->close;
$t->end('redis', 'KILL');
$t->start_redis;
$t->wait_ready;
$bob = $t->stream('bob', headers => { 'Last-Event-ID' => $last });
$bob->event('reset');
pass('a position of another run is a reset');

# Out of memory: refused, surely not stored, and over when there is room again.
my $count = $t->get("/conversations/$id/messages?limit=1", as => 'bob')->{json}{messages}[-1]{seq};
$t->redis('CONFIG', 'SET', 'maxmemory', 1);
my $r = $t->send_text('alice', $id, 'no room');
is($r->{status}, 503, 'no memory in Redis: 503');
$t->redis('CONFIG', 'SET', 'maxmemory', 0);
$t->wait_for('room', sub { $t->send_text('alice', $id, 'room', key => 'room')->{status} =~ /^20/ });
is($t->get("/conversations/$id/messages?limit=1", as => 'bob')->{json}{messages}[-1]{seq},
    $count + 1, 'what was refused is not there');

$t->finish;
