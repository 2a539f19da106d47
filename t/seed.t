#!/usr/bin/perl

# `messaging-worker seed`: demonstration data of every profile, once however often it is run.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my @profiles = qw(monmariage marketplace pro-admin promoto);
my $t = Test::Messaging->new;
$t->start_redis->start_worker;
$t->conf("server { listen 127.0.0.1:%%PORT%%;\n"
    . join('', map { "location /$_ { messaging site=$_; }\n" } @profiles)
    . "location /api/messages { messaging; } }");
$t->start_nginx;
$t->wait_ready;

my @seed = ('--data', $t->root . '/schema');
my $user = 'test-user@example.com';
for my $profile (@profiles) {
    my ($code, $output) = $t->worker_run('seed', $profile, '--site', $profile, @seed);
    is($code, 0, $profile) or diag $output;
    like($output, qr/[1-9]\d* people, [1-9]\d* conversations, [1-9]\d* messages added; 0 messages were here/, 'adds');
    my %base = (as => $user, base => "http://127.0.0.1:" . $t->port . "/$profile");
    my $list = $t->get('/conversations', %base)->{json}{conversations};
    ok(@$list >= 2, "$user has conversations");
    my $badge = $t->get('/unread-count', %base)->{json};
    ok($badge->{count} > 0, 'and unread messages');
    my $sum = 0;
    $sum += $_->{unreadCount} for @$list;
    is($sum, $badge->{count}, 'which add up');
    for my $one (@$list) {
        my $messages = $t->get("/conversations/$one->{id}/messages", %base)->{json}{messages};
        my @times = map { $_->{createdAt} } @$messages;
        is_deeply(\@times, [sort @times], 'in the order of their times');
    }
    ($code, $output) = $t->worker_run('seed', $profile, @seed);
    is($code, 0, 'again, at the site of its name');
    like($output, qr/^0 people, 0 conversations, 0 messages added/m, 'adds nothing');
    is_deeply($t->get('/conversations', %base)->{json}{conversations}, $list, 'and changes nothing');
}

my %base = (as => $user, base => 'http://127.0.0.1:' . $t->port . '/monmariage');
my $list = $t->get('/conversations?q=Vaux-le-Vicomte', %base)->{json}{conversations};
is(@$list, 1, 'one with the castle') or diag explain $list;
my ($castle) = grep { $_->{id} ne $user } @{ $list->[0]{members} };
is($castle->{name}, "Ch\x{e2}teau de Vaux-le-Vicomte", 'by its name');
is($castle->{role}, 'partner', 'a partner');
my $start = $t->post('/conversations', { members => [$castle->{id}], context => $list->[0]{context} }, %base);
is($start->{json}{conversation}{id}, $list->[0]{id}, 'whoever starts it finds it');

# A sixth profile is a file.
my $file = $t->write_file('mine.json', '{"people":[{"id":"ann","name":"Ann"}],"conversations":[{"members":'
    . '["ann","bob"],"messages":[{"from":"bob","day":2,"at":"10:00","content":"Hello","unread":true}]}]}');
is(($t->worker_run('seed', $file, '--site', 'default'))[0], 0, "somebody's own file");
is($t->get('/unread-count', as => 'ann')->{json}{count}, 1, 'is there');

my ($code, $told) = $t->worker_run('seed', $file);
is($code, 2, 'a file has no site of its own');
like($told, qr/--site is required/, 'and it says so');

for (['nobody'], ["$file.x"], [$t->write_file('bad.json', '{"conversations":[{"members":["a"]}]}')]) {
    my ($code, $output) = $t->worker_run('seed', @$_, '--site', 'default', @seed);
    is($code, 2, "@$_ is none");
    like($output, qr/messaging-worker: seed: /, 'and it says why');
}
is(($t->worker_run('check'))[0], 0, 'the numbers are right');
$t->finish;
