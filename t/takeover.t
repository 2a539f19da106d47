#!/usr/bin/perl

# Two workers share the shards; when one is killed or stopped the other has them all in under
# 5 seconds, and one that wakes up again does no harm.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;
use Time::HiRes qw(time);

my $t = Test::Messaging->new(workers => 2)->run;

# Who owns how many shards.
sub owners {
    my %owners;
    for my $shard (0 .. 15) {
        my $owner = $t->redis('GET', "messaging:{w$shard}:lease") // next;
        $owners{$owner}++;
    }
    return \%owners;
}

$t->wait_for('shared shards', sub { join(' ', sort values %{ owners() }) eq '8 8' });
pass('two workers have eight shards each');

my @conversations = map { $t->open_conversation('alice', "u$_") } 1 .. 40;
my $key = 0;

# Sends to conversations of all shards until each was answered; the longest wait.
sub all_served {
    my ($start, $longest) = (time, 0);
    for my $id (@conversations) {
        my $k = 'k' . ++$key;
        $t->wait_for('an answer', sub { $t->send_text('alice', $id, "m $k", key => $k)->{status} =~ /^20/ });
    }
    return time - $start;
}

all_served();
$t->end('worker2', 'KILL');
my $took = all_served();
cmp_ok($took, '<', 5, sprintf 'killed: all shards served again after %.1f s', $took);

$t->start_worker('worker2');
$t->wait_for('shared shards', sub { join(' ', sort values %{ owners() }) eq '8 8' });
pass('one that starts gets its share');

kill 'STOP', $t->pid('worker2');
$took = all_served();
cmp_ok($took, '<', 5, sprintf 'stopped: all shards served again after %.1f s', $took);
kill 'CONT', $t->pid('worker2');
# Where it was stopped inside a transaction of SQLite's, the other had to end it.
$t->start_worker('worker2') if !$t->alive('worker2');
all_served();
$t->wait_for('shared shards', sub { join(' ', sort values %{ owners() }) eq '8 8' });

is($t->end('worker2', 'TERM'), 0, 'one leaves');
$took = all_served();
cmp_ok($took, '<', 2, sprintf 'left: its shards are served at once, after %.1f s', $took);

for my $id (@conversations) {
    my @seqs = map { $_->{seq} } @{ $t->get("/conversations/$id/messages", as => 'alice')->{json}{messages} };
    is_deeply(\@seqs, [1 .. 5], 'each once, no hole') or last;
}
my ($code, $output) = $t->worker_run('check');
is($code, 0, 'check finds no drift') or diag $output;

$t->finish;
