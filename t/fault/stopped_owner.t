#!/usr/bin/perl

# A worker is stopped at each crash point with a command in hand; another takes its shards, does
# that command and later ones in the same conversation; then the first goes on where it was. Two
# owners at once lose, double and misnumber nothing.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;
use Test::Messaging::Case;
use Test::Messaging::Jobs qw(run_jobs);
use Test::Messaging::Nemesis;

my @points = Test::Messaging::Nemesis::crash_points();

my @jobs;
for my $command (Test::Messaging::Case::commands()) {
    for my $lease ('ends', 'is lost') {
        push @jobs, ["$command, its lease $lease: at all points", sub { at_all_points($command, $lease) }];
    }
}
run_jobs(10, @jobs);    # they wait for leases to end
done_testing();

sub at_all_points {
    my ($command, $lease) = @_;
    my $t = Test::Messaging->new;
    $t->conf(<<"CONF");
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_timeout 1s;
        @{[Test::Messaging::Case::teams()]}
        location /api/messages { messaging; }
    }
CONF
    $t->run;
    my $n = 0;
    for my $point (@points) {
        my $case = Test::Messaging::Case->new($t, ++$n, $command);
        my @wrong = one_case($t, $case, $point, $lease);
        is(join("\n", @wrong), '', $point) or diag $t->tail;
    }
    my ($code, $output) = $t->worker_run('check');
    is($code, 0, 'check finds no drift') or diag $output;
    $t->finish;
    return;
}

# What went wrong.
sub one_case {
    my ($t, $case, $point, $lease) = @_;
    $case->listen($_) for 'bob', 'alice';
    $t->end('worker', 'KILL');
    $t->start_worker('first', MESSAGING_STOP_AT => $point);
    my $request = $case->begin;
    $t->wait_for('the stop', sub { is_stopped($t->pid('first')) });
    return 'the command was not in hand' if !Test::Messaging::Case::pending($t);

    $t->start_worker;
    if ($lease eq 'is lost') {
        $t->redis('DEL', "messaging:{w$_}:lease") for 0 .. 15;
    }
    my $status = $case->until_answered;
    return "answered $status" if $status !~ /^2/;
    $case->say("meanwhile $_ $case->{bob}") for 1 .. 3;
    my @wrong = map { "while it is stopped: $_" } $case->settles(streams => 10);

    # In a transaction of SQLite's it had to be ended: nobody could have written else.
    kill 'CONT', $t->pid('first') if $t->alive('first');
    $case->answered($request, 0);
    $case->say("marker $case->{bob}");
    push @wrong, $case->settles(streams => 10);
    $case->close;
    $t->wait_for('rest', sub { Test::Messaging::Case::at_rest($t) });
    $t->end('first', 'KILL');
    return @wrong;
}

sub is_stopped {
    my ($pid) = @_;
    open my $stat, '<', "/proc/$pid/stat" or return 0;
    return <$stat> =~ /\) [Tt] /;
}
