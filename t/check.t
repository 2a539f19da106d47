#!/usr/bin/perl

# `messaging-worker check` finds memberships that differ from their messages, and mends them.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;
my $id = $t->open_conversation('alice', 'bob');
$t->send_text('alice', $id, "m$_") for 1 .. 5;
$t->send_text('bob', $id, 'answer');
$t->patch("/conversations/$id/read", { seq => 3 }, as => 'bob');

my ($code, $output) = $t->worker_run('check');
is($code, 0, 'no drift') or diag $output;

if ($t->{store} eq 'sqlite') {
    my $db = $t->dir . '/messaging.db';
    is(system('sqlite3', $db, "update memberships set last_seq = 4, sent = 9 where member = "
        . "(select id from names where name = 'bob')"), 0,
        'somebody damages a membership');
    ($code, $output) = $t->worker_run('check');
    is($code, 1, 'check finds it');
    like($output, qr/bob/, 'and names it');
    ($code, $output) = $t->worker_run('check', '--repair');
    is($code, 0, 'check --repair mends it') or diag $output;
    ($code, $output) = $t->worker_run('check');
    is($code, 0, 'then there is none');
    chomp(my $version = `sqlite3 '$db' 'pragma user_version'`);
    is(system('sqlite3', $db, 'pragma user_version = 99'), 0, 'a store of a later version');
    $t->end('worker');
    $t->start_worker('later');
    $t->wait_for('its end', sub { !$t->alive('later') });
    isnt($t->{status}{later}, 0, 'is refused');
    like($t->read_file('later.log'), qr/version 99/, 'with a clear line');
    system('sqlite3', $db, "pragma user_version = $version");
    $t->start_worker;
    $t->wait_ready;
}
is($t->get("/conversations/$id", as => 'bob')->{json}{unreadCount}, 2, 'the count is right');

# A Redis that may throw keys away is no wire.
$t->redis('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
$t->start_worker('evicting');
$t->wait_for('its end', sub { !$t->alive('evicting') });
isnt($t->{status}{evicting}, 0, 'an eviction policy is refused');
like($t->read_file('evicting.log'), qr/noeviction/, 'with a clear line');
$t->redis('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');

$t->finish;
