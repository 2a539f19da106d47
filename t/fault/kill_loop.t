#!/usr/bin/perl

# Everything is killed, stopped and emptied at random while clients write, and then each answer
# that a client had is held against what is there.
#
# KILL_LOOP_SECONDS: for how long (30). KILL_LOOP_SEED: the seed that an earlier run printed; the
# same harm and the same requests, as far as processes can repeat themselves.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;
use Test::Messaging::Checker qw(problems figures staleness);
use Test::Messaging::Load;
use Test::Messaging::Nemesis;
use Time::HiRes qw(time);

# A longer run is rounds of this length, each with people of its own: what is checked stays small.
use constant ROUND => 60;

my $seconds = $ENV{KILL_LOOP_SECONDS} || 30;
my $seed = $ENV{KILL_LOOP_SEED} || 1 + int rand 1e9;
diag "KILL_LOOP_SEED=$seed";
srand $seed;

# A server of this test's own, since it dies.
my $server;
if (($ENV{TEST_STORE} // '') eq 'mongodb' && $ENV{MESSAGING_TEST_MONGODB}) {
    $server = 'kill-loop';
    chomp(my $uri = `'$FindBin::Bin/../../scripts/mongodb' start $server`);
    $? == 0 or plan(skip_all => 'no MongoDB server that may be killed');
    $ENV{MESSAGING_TEST_MONGODB} = $uri;
}

my %harms = (
    kill_worker       => 3,
    crash_worker      => 3,
    stop_worker       => 2,
    stop_worker_at    => 2,
    kill_nginx_worker => 3,
    stop_nginx_worker => 1,
    reload_nginx      => 1,
    flush             => 2,
    cut_subscriptions => 1,
    cut_connections   => 1,
    fill_redis        => 1,
    stop_redis        => 1,
    redis_kept        => 2,
    redis_empty       => 2,
    redis_snapshot    => 2,
    $server ? (kill_mongodb => 1) : (),
);
my @draw = map { ($_) x $harms{$_} } sort keys %harms;

my $t = Test::Messaging->new(workers => 2);
$t->conf(<<'CONF', processes => 2);
    messaging_drain_time 1s;
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_timeout 2s;
        messaging_retry 100ms;
        location /api/messages { messaging; }
    }
CONF
$t->expect_alert(qr/exited on signal 9/);
$t->run;
my $nemesis = Test::Messaging::Nemesis->new($t, mongodb => $server);
$nemesis->keep_redis;

my (%total, @wrong, @failed);
my $end = time + $seconds;
for (my $round = 1; time < $end - 1; $round++) {
    my $length = $end - time < 1.5 * ROUND ? $end - time : ROUND;
    one_round($round, $length);
    last if @wrong || @failed;
}
my ($code, $output) = $t->worker_run('check');
is_deeply(\@failed, [], 'every client and listener came to its end');
is(scalar @wrong, 0, 'every promise was kept')
    or diag join "\n", "KILL_LOOP_SEED=$seed", grep { defined } @wrong[0 .. 29];
is($code, 0, 'check finds no drift') or diag $output;
cmp_ok($total{acknowledged} // 0, '>', 3 * $seconds, 'there was something to lose');
diag "$t->{store}: $total{acknowledged} of $total{operations} operations acknowledged, "
    . "$total{requests} requests, $total{repeats} repeats, $total{open} unknown; harm: "
    . join ', ', map { "$_ $nemesis->{counts}{$_}" } sort keys %{ $nemesis->counts };
$t->finish;
system "$FindBin::Bin/../../scripts/mongodb", 'stop', $server if $server;

sub one_round {
    my ($round, $length) = @_;
    my $load = Test::Messaging::Load->new($t, name => "r$round", clients => 6, users => 5,
        conversations => 12, listeners => 5, cut_every => 3, seconds => $length,
        seed => $seed + $round * 10_000)->begin;
    my $start = time;
    while (time < $start + $length) {
        $nemesis->remember if rand() < 0.15;
        $nemesis->do($draw[rand @draw]);
        $nemesis->wait(0.05 + rand 1.45);
    }
    $nemesis->heal;
    my $observed = $load->end->observe;
    push @failed, $load->failed;
    push @wrong, problems($observed);
    my $figures = figures($observed->{operations});
    $total{$_} += $figures->{$_} for qw(operations requests acknowledged repeats open);
    diag sprintf 'round %d: %d acknowledged, %d requests; answers %s; a stream was behind for '
        . 'at most %.1f s, and had all %.1f s after the end', $round,
        @$figures{qw(acknowledged requests)},
        join(' ', map { "$_: $figures->{status}{$_}" } sort keys %{ $figures->{status} }),
        staleness($observed), $load->converged;
    return;
}
