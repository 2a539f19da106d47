#!/usr/bin/perl

# A worker is stopped with a command in hand, Redis loses everything, and all streams are told to
# fetch and do so. Then the worker commits: nothing in Redis knows of that command any more, its
# client's repeat only finds it, and the streams must be told all the same, whether the worker lives
# to say so or not. And what is nobody's loss tells nobody anything.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;
use Test::Messaging::Case;
use Test::Messaging::Jobs qw(run_jobs);
use Test::Messaging::Nemesis;

# Streams are behind for so many seconds at most.
use constant BEHIND => 10;

# What becomes of the worker: whether it dies, and whether there was another one all the time.
my %ends = (
    'it goes on'                    => [0, 0],
    'it dies, another one starts'   => [1, 0],
    'it dies, another one lives on' => [1, 1],
);
my @jobs;
for my $command ('send', 'start with content', 'read') {
    for my $end (sort keys %ends) {
        push @jobs, ["$command, $end", sub { late_commit($command, @{ $ends{$end} }) }];
    }
}
push @jobs, ['an orderly end, a start, one more worker', \&in_order];
run_jobs(4, @jobs);
done_testing();

sub new_system {
    my $t = Test::Messaging->new;
    $t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_timeout 1s;
        messaging_retry 100ms;
        location /api/messages { messaging; }
    }
CONF
    return $t->run;
}

# `dies`: after its commit, and before it has said a word. `other`: a worker that was there before.
sub late_commit {
    my ($command, $dies, $other) = @_;
    my $t = new_system();
    my $nemesis = Test::Messaging::Nemesis->new($t);
    my $case = Test::Messaging::Case->new($t, 1, $command);
    my @listeners = map { $case->listen($_) } 'bob', 'alice';
    $t->end('worker', 'TERM');
    $t->start_worker('worker', MESSAGING_STOP_AT => 'before-insert',
        $dies ? (MESSAGING_CRASH_AT => 'after-commit') : ())->wait_serving;
    my $request = $case->begin;
    $t->wait_for('the stop', sub { $nemesis->is_stopped('worker') });

    # Whoever answers those that fetch.
    $t->start_worker('reader');
    my @before = map { resets($_) } @listeners;
    $nemesis->do('redis_empty');
    for my $listener (@listeners) {
        my $before = shift @before;
        $t->wait_for('a stream that has fetched anew', sub {
            $listener->step(0.01);
            return resets($listener) > $before && $listener->fresh;
        });
    }
    like($case->answered($request, 5)->{status}, qr/^5/, 'its caller does not know');
    ok(!is_done($case), 'it is not stored yet');
    $t->end('reader', 'TERM') if !$other;

    kill 'CONT', $t->pid('worker');
    if ($dies) {
        $t->wait_for('the crash', sub { !$t->alive('worker') });
        $t->start_worker if !$other;
    }
    $t->wait_for('the commit', sub { is_done($case) });
    is(join("\n", $case->settles(streams => BEHIND)), '', 'streams have it')
        or diag $t->tail;
    is(scalar(grep { !$_->at_goal } @listeners), 0, 'what was read, too');
    is($case->until_answered, 200, 'the repeat finds it');
    is(join("\n", $case->settles(streams => BEHIND)), '', 'it is there once');
    $case->close;
    my ($code, $output) = $t->worker_run('check');
    is($code, 0, 'check finds no drift') or diag $output;
    $t->finish;
    return;
}

sub resets {
    my ($listener) = @_;
    return scalar grep { $_->{what} eq 'reset' } $listener->notes;
}

sub is_done {
    my ($case) = @_;
    my ($t, $id, $operation) = @$case{qw(messaging conversation operation)};
    my $answer = $t->get("/conversations/$id", as => $case->{alice});
    return 0 if $answer->{status} != 200;
    return $answer->{json}{readSeq} == $answer->{json}{lastSeq} if $operation->{op} eq 'read';
    $answer = $t->get("/conversations/$id/messages", as => $case->{alice});
    return 0 if $answer->{status} != 200;
    return scalar grep { $_->{content} eq $operation->{content} } @{ $answer->{json}{messages} };
}

# What a worker has said is nobody's loss when it ends, and none while it lives.
sub in_order {
    my $t = new_system();
    my $case = Test::Messaging::Case->new($t, 1, 'send');
    my @listeners = map { $case->listen($_) } 'bob', 'alice';
    $case->until_answered;
    $t->end('worker', 'TERM');
    $t->start_worker;
    $case->say('after a start');
    $t->start_worker('worker2');
    $t->wait_for('a fair share', sub { $t->read_file('worker2.log') =~ /serves 8 of 16/ });
    $case->say("next to another: $_") for 1 .. 3;
    is(join("\n", $case->settles(streams => BEHIND)), '', 'streams have all');
    $t->end('worker2', 'TERM');
    $t->wait_for('all shards', sub { Test::Messaging::Case::at_rest($t) });
    $case->say('alone again');
    is(join("\n", $case->settles(streams => BEHIND)), '', 'streams have that too');
    is(resets($_), 0, 'no stream was reset') for @listeners;
    $case->close;
    $t->finish;
    return;
}
