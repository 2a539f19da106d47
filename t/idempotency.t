#!/usr/bin/perl

# A repeat under the same Idempotency-Key is the same message; another request under it is not.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;
my $id = $t->open_conversation('alice', 'bob');

my $first = $t->send_text('alice', $id, 'once', key => 'k1');
is($first->{status}, 201, 'stored');
for (1 .. 3) {
    my $repeat = $t->send_text('alice', $id, 'once', key => 'k1');
    is($repeat->{status}, 200, 'a repeat is 200');
    is_deeply($repeat->{json}, $first->{json}, 'and the same message');
}

my $other = $t->send_text('alice', $id, 'something else', key => 'k1');
is($other->{status}, 422, 'another content under the same key');
is($other->{json}{code}, 'key_reused', 'is told so');

is($t->send_text('bob', $id, 'once', key => 'k1')->{status}, 201,
    "another sender's key is another key");
my $second = $t->open_conversation('alice', 'carol');
is($t->send_text('alice', $second, 'once', key => 'k1')->{status}, 201,
    'and so is one in another conversation');

# Many at once: one is stored.
my @pids = map {
    my $pid = fork;
    if (!$pid) {
        my $r = $t->send_text('alice', $id, 'at once', key => 'k2');
        POSIX::_exit($r->{status} == 201 ? 1 : $r->{status} == 200 ? 0 : 9);
    }
    $pid;
} 1 .. 8;
my %count;
for my $pid (@pids) {
    waitpid $pid, 0;
    $count{ $? >> 8 }++;
}
is_deeply(\%count, { 0 => 7, 1 => 1 }, 'eight at once: one 201, seven 200');

my $start = { members => ['dave'], content => 'first words' };
is($t->post('/conversations', $start, as => 'alice', key => 's')->{status}, 201, 'a start');
my $repeat = $t->post('/conversations', $start, as => 'alice', key => 's');
is($repeat->{status}, 200, 'repeated');
is($repeat->{json}{message}{seq}, 1, 'has one message');

my @seqs = map { $_->{seq} }
    @{ $t->get("/conversations/$id/messages", as => 'bob')->{json}{messages} };
is_deeply(\@seqs, [1 .. 3], 'no hole, no double');

for my $bad ("x" x 129, "x" x 5000) {
    my $r = $t->send_text('alice', $id, 'bad key', key => $bad);
    is($r->{status}, 400, 'a key out of its bounds');
}
for my $path ("/conversations/$id/messages", '/conversations') {
    my $r = $t->post($path, { content => 'which?', $path =~ /messages/ ? () : (members => ['bob']) }, as => 'alice',
        headers => { 'Idempotency-Key' => '' });
    is("$r->{status} $r->{json}{field}", '400 Idempotency-Key', 'an empty key is no key, and not taken for none');
}
is($t->send_text('alice', $id, 'long', key => 'x' x 128)->{status}, 201, '128 characters pass');

$t->finish;
