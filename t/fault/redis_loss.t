#!/usr/bin/perl

# Redis loses everything, again and again, under load: no acknowledged message is lost by it, and
# no stream is behind for long.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;
use Test::Messaging::Checker qw(problems figures staleness);
use Test::Messaging::Load;
use Test::Messaging::Nemesis;
use Time::HiRes qw(sleep);

my $t = Test::Messaging->new;
$t->conf(<<'CONF', processes => 2);
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_timeout 2s;
        messaging_retry 100ms;
        location /api/messages { messaging; }
    }
CONF
$t->run;
my $nemesis = Test::Messaging::Nemesis->new($t);

sub under_load {
    my ($name, $harm, $times) = @_;
    my $load = Test::Messaging::Load->new($t, name => $name, clients => 4, users => 4,
        conversations => 8, listeners => 4)->begin;
    sleep 0.3;
    for my $time (1 .. $times) {
        $nemesis->remember;
        sleep 0.2 + rand 0.5;
        $nemesis->do($harm);
        sleep 0.2 + rand 0.5;
        $t->wait_ready;
    }
    my $observed = $load->end->observe;
    is_deeply([$load->failed], [], "$harm x $times: everybody came to the end");
    my @wrong = problems($observed);
    is(scalar @wrong, 0, "$harm x $times: every promise was kept")
        or diag join "\n", grep { defined } @wrong[0 .. 29];
    my $figures = figures($observed->{operations});
    cmp_ok($figures->{acknowledged}, '>', 20 * $times,
        "$harm x $times: $figures->{acknowledged} operations were acknowledged");
    is($figures->{open}, 0, "$harm x $times: all in the end");
    my $behind = staleness($observed);
    cmp_ok($behind, '<', 10, sprintf "$harm x $times: no stream was behind for more than %.1f s", $behind);
    return;
}

under_load('flushed', 'flush', 10);
under_load('emptied', 'redis_empty', 5);
under_load('old', 'redis_snapshot', 5);

my ($code, $output) = $t->worker_run('check');
is($code, 0, 'check finds no drift') or diag $output;

$t->finish;
