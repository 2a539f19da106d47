#!/usr/bin/perl

# A command that kills each worker that runs it: after three attempts it is put aside, its caller
# gets 500, and the others' commands are done.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;
use Test::Messaging::Request;
use Time::HiRes qw(time);

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_timeout 20s;
        location /api/messages { messaging; }
    }
CONF
$t->run;
my $id = $t->open_conversation('alice', 'bob');
my @others = map { $t->open_conversation('carol', "dave$_") } 1 .. 20;
$t->send_text('alice', $id, 'before');
$t->end('worker', 'KILL');

sub dead_letters {
    my @letters = map { @{ $t->redis('XRANGE', "messaging:{w$_}:dead", '-', '+') } } 0 .. 15;
    return @letters;
}

sub send_later {
    my ($user, $conversation, $text) = @_;
    return Test::Messaging::Request->new($t, 'POST', "/conversations/$conversation/messages",
        { content => $text }, as => $user, key => $text);
}

# Each run of it dies where nothing of it is stored yet. Who restarts the worker does not know why
# it died.
my $start = time;
my $poison = send_later('alice', $id, 'poison');
my $deaths = 0;
while (!dead_letters()) {
    my $name = 'worker' . ++$deaths;
    $t->start_worker($name, MESSAGING_CRASH_AT => 'before-insert');
    $t->wait_for('a death or a dead letter', sub { !$t->alive($name) || dead_letters() });
    last if $deaths > 10;
}
is($deaths, 4, 'three workers die of it, the fourth puts it aside');
my $answer = $poison->answer(5);
is($answer->{status}, 500, 'its caller gets 500');
is($answer->{json}{code}, 'internal', 'which says that nobody knows');
ok($answer->{json}{retryable}, 'and that a repeat may help');
cmp_ok(time - $start, '<', 10, sprintf 'after %.1f s', time - $start);
my @letters = dead_letters();
is(scalar @letters, 1, 'there is one dead letter');
my %letter = @{ $letters[0][1] };
is($letter{key}, 'c:poison', 'with the command');
ok($letter{reason}, 'and a reason');
like($t->read_file('worker4.log'), qr/is put aside/, 'and it is logged');
unlike($t->read_file('worker4.log'), qr/before|poison/, 'without its words');
ok($t->alive('worker4'), 'that worker lives');

# Others' commands wait meanwhile, in its shard and in all others. They were in the batch that it
# killed, and are not blamed for it.
$t->end('worker4', 'KILL');
my @waiting = (send_later('bob', $id, 'behind it'),
    map { send_later('carol', $_, 'beside it') } @others);
$start = time;
for my $name ('a', 'b') {
    $t->start_worker("killed-$name", MESSAGING_CRASH_AT => 'before-insert');
    $t->wait_for('its death', sub { !$t->alive("killed-$name") });
}
$t->start_worker;
is(scalar(grep { $_->answer(10)->{status} == 201 } @waiting), scalar @waiting,
    sprintf 'others are served, after %.1f s with two deaths', time - $start);

my $r = $t->send_text('alice', $id, 'poison', key => 'poison');
is($r->{status}, 201, 'a repeat is stored when what was wrong has passed');
my $history = $t->fetch("/conversations/$id/messages", 'bob')->{messages};
my @contents = map { $_->{content} } @$history;
is_deeply([grep { $_ eq 'poison' } @contents], ['poison'], 'once');
my ($code, $output) = $t->worker_run('check');
is($code, 0, 'check finds no drift') or diag $output;

$t->finish;
