#!/usr/bin/perl

# The store refuses or dies under load. A full disk: honest 503s, reading goes on, nothing is
# damaged, and writing resumes when there is room. A database server that is killed: the same,
# with nothing lost and nothing doubled of what it was in the middle of.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;
use Test::Messaging::Checker qw(problems figures);
use Test::Messaging::Load;
use Test::Messaging::Nemesis;
use Time::HiRes qw(sleep time);

my $server;
if (($ENV{TEST_STORE} // '') eq 'mongodb' && $ENV{MESSAGING_TEST_MONGODB}) {
    $server = 'store-loss';
    chomp(my $uri = `'$FindBin::Bin/../../scripts/mongodb' start $server`);
    $? == 0 or plan(skip_all => 'no MongoDB server that may be killed');
    $ENV{MESSAGING_TEST_MONGODB} = $uri;
}

my $conf = <<'CONF';
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_timeout 5s;
        location /api/messages { messaging; }
    }
CONF

if ($server) {
    killed_server();
    system "$FindBin::Bin/../../scripts/mongodb", 'stop', $server;
} else {
    largest_file();
    small_disk();
}
done_testing();

# --- What all have in common

my $asked;

# One more message; its answer.
sub say_one {
    my ($t, $id, $text) = @_;
    my $key = 'asked ' . ++$asked;
    return $t->send_text('alice', $id, $text // $key, key => $key);
}

# Writes are refused, all else goes on.
sub refuses {
    my ($t, $id, $what) = @_;
    my $r;
    $t->wait_for('a refusal', sub {
        $r = say_one($t, $id);
        return $r->{status} == 503;
    }, 10);
    is($r->{json}{code}, 'store_unavailable', "$what: the reason is told");
    my $start = time;
    is(say_one($t, $id)->{status}, 503, "$what: a refusal");
    cmp_ok(time - $start, '<', 1, "$what: is quick");
    is($t->get("/conversations/$id/messages", as => 'bob')->{status}, 200, "$what: reading goes on");
    ok($t->alive('worker'), "$what: the worker lives");
    return;
}

sub resumes {
    my ($t, $id, $what) = @_;
    my $start = time;
    $t->wait_for('an answer', sub { say_one($t, $id)->{status} == 201 });
    my $took = time - $start;
    sleep 0.5;
    cmp_ok($took, '<', 5, sprintf "$what: writing resumes after %.1f s", $took);
    return;
}

sub kept_all {
    my ($load, $what) = @_;
    my $observed = $load->end->observe;
    is_deeply([$load->failed], [], "$what: everybody came to the end");
    my @wrong = problems($observed);
    is(scalar @wrong, 0, "$what: every promise was kept")
        or diag join "\n", grep { defined } @wrong[0 .. 29];
    my $figures = figures($observed->{operations});
    cmp_ok($figures->{acknowledged}, '>', 20, "$what: $figures->{acknowledged} acknowledged, answers "
        . join ' ', map { "$_: $figures->{status}{$_}" } sort keys %{ $figures->{status} });
    return;
}

sub no_drift {
    my ($t, $what) = @_;
    my ($code, $output) = $t->worker_run('check');
    is($code, 0, "$what: check finds no drift") or diag $output;
    return;
}

# --- SQLite

# The largest size that a file may have, lowered and raised again while the worker runs.
sub largest_file {
    my $what = 'no file may grow';
    my $t = Test::Messaging->new;
    $t->conf($conf)->run;
    my $id = $t->open_conversation('alice', 'bob');
    my $load = Test::Messaging::Load->new($t, name => 'grow', clients => 4)->begin;
    for my $time (1 .. 3) {
        sleep 0.7;
        limit($t, 4096);
        refuses($t, $id, $what);
        sleep 0.5;
        limit($t, 'unlimited');
        resumes($t, $id, $what);
    }
    kept_all($load, $what);
    no_drift($t, $what);
    integrity($what, $t->dir . '/messaging.db');
    $t->stop_and_check;
    return;
}

sub limit {
    my ($t, $size) = @_;
    is(system('prlimit', '--pid', $t->pid('worker'), "--fsize=$size:unlimited"), 0, "limit $size");
    return;
}

# A real disk that only the worker sees: its mount ends with it. Larger than what SQLite's WAL takes
# before it is copied back.
sub small_disk {
    my $what = 'a full disk';
    if ($> != 0 || system('unshare', '-m', 'true') != 0) {
        note 'a small disk needs root';
        return;
    }
    my $t = Test::Messaging->new;
    my $disk = $t->dir . '/disk';
    mkdir $disk or die "$disk: $!";
    $t->store_at("sqlite:$disk/messaging.db");
    my $mount = "mount -t tmpfs -o size=24m messaging $disk && head -c 8M /dev/zero >$disk/ballast";
    $t->wrap_worker('unshare', '-m', 'sh', '-c', "$mount && exec \"\$@\"", 'sh');
    $t->conf($conf)->run;
    my @inside = ('nsenter', '-m', '-t', $t->pid('worker'));
    my $id = $t->open_conversation('alice', 'bob');
    my $load = Test::Messaging::Load->new($t, name => 'full', clients => 3)->begin;
    my $filled = 0;
    $filled++ until say_one($t, $id, 'x' x 9000 . ++$asked)->{status} == 503 || $filled > 3000;
    note "$filled messages of 9 KB";
    refuses($t, $id, $what);
    is(system(@inside, 'rm', "$disk/ballast"), 0, 'room');
    resumes($t, $id, $what);
    kept_all($load, $what);
    integrity($what, "$disk/messaging.db", @inside);
    $t->wrap_worker(@inside);
    no_drift($t, $what);
    $t->stop_and_check;
    return;
}

sub integrity {
    my ($what, $file, @inside) = @_;
    open my $check, '-|', @inside, 'sqlite3', $file, 'pragma integrity_check' or die $!;
    is(join('', <$check>), "ok\n", "$what: the file is whole");
    return;
}

# --- MongoDB

sub killed_server {
    my $what = 'killed';
    my $t = Test::Messaging->new;
    $t->conf($conf)->run;
    my $nemesis = Test::Messaging::Nemesis->new($t, mongodb => $server);
    my $id = $t->open_conversation('alice', 'bob');
    my $load = Test::Messaging::Load->new($t, name => 'killed', clients => 4)->begin;
    for my $time (1 .. 3) {
        sleep 1 + rand;
        $nemesis->do('kill_mongodb');
        $t->wait_for('the server', sub { !$t->alive('mongodb') }, 120);
        resumes($t, $id, $what);
    }
    kept_all($load, $what);
    no_drift($t, $what);
    $t->stop_and_check;
    return;
}
