#!/usr/bin/perl

# No worker, a late one, a stopped one: honest answers in time, and nothing that was refused or
# given up is stored twice.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;
use Test::Messaging::Request;
use Time::HiRes qw(time);

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    messaging_max_pending 2;
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_timeout 1s;
        location /api/messages { messaging; }
        location /plain { return 200 plain; }
    }
CONF
$t->run;
my $id = $t->open_conversation('alice', 'bob');
my $plain = 'http://127.0.0.1:' . $t->port . '/plain';

$t->end('worker', 'KILL');
my $start = time;
my $r = $t->send_text('alice', $id, 'one', key => 'one');
is("$r->{status} $r->{json}{code}", '504 timeout', 'no worker: 504');
ok($r->{json}{retryable}, 'a repeat can help');
cmp_ok(time - $start, '<', 3, 'at its time limit');
$t->wait_for('status', sub { $t->get('/status')->{json}{parts}{worker} eq 'down' });
is($t->get('/status')->{status}, 503, 'status says so');
is($t->get('', base => $plain)->{status}, 200, 'other locations go on');

# As many as may wait do: a refusal for the next one, the status all the same.
my $asked = sub { $t->redis('XLEN', 'messaging:{reads}:commands') };
my $before = $asked->();
my @waiting = map { Test::Messaging::Request->new($t, 'GET', '/conversations', undef, as => "u$_") } 1 .. 2;
$t->wait_for('a full table', sub { $asked->() == $before + 2 });
is($t->get('/conversations', as => 'alice')->{json}{code}, 'queue_full', 'a full table');
$r = $t->get('/status');
is("$r->{status} $r->{json}{status}", '503 degraded', 'the status needs no place among them');
$_->answer(5) for @waiting;

$t->start_worker;
$t->wait_ready;
$r = $t->send_text('alice', $id, 'one', key => 'one');
like($r->{status}, qr/^20/, 'repeated with its key: stored');
is($r->{json}{seq}, 1, 'once: the first was past its time and was dropped');

# Stopped in time to read the command, continued after the caller has gone.
kill 'STOP', $t->pid('worker');
$r = $t->send_text('alice', $id, 'two', key => 'two');
is($r->{status}, 504, 'a stopped worker: 504');
kill 'CONT', $t->pid('worker');
$t->wait_ready;
$t->wait_for('two', sub { $t->send_text('alice', $id, 'two', key => 'two')->{status} =~ /^20/ });
is_deeply([map { $_->{content} } @{ $t->get("/conversations/$id/messages", as => 'bob')->{json}{messages} }],
    ['one', 'two'], 'once each');

# SIGTERM: what was begun is finished, and it is gone quickly.
my @sent = map { $t->send_text('alice', $id, "before $_")->{status} } 1 .. 20;
$start = time;
is($t->end('worker', 'TERM', 10), 0, 'SIGTERM: exit 0');
cmp_ok(time - $start, '<', 10, 'in under 10 s');
$t->start_worker;
$t->wait_ready;
is(scalar @{ $t->get("/conversations/$id/messages", as => 'bob')->{json}{messages} }, 22,
    'nothing is missing');

$t->finish;
