#!/usr/bin/perl

# A client that comes back with Last-Event-ID misses nothing, or is told to fetch again.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;
my $id = $t->open_conversation('alice', 'bob');

my $bob = $t->stream('bob', raw => 1);
my $hello = $bob->event('hello');
is($hello->{json}{id}, 'bob', 'hello says who one is');
ok(!$hello->{json}{resumed}, 'and that this is a beginning');
ok($hello->{id}, 'it has an id');

$t->send_text('alice', $id, "m$_") for 1 .. 3;
my $second = $bob->event('message', sub { $_[0]{seq} == 2 });
$bob->event('message', sub { $_[0]{seq} == 3 });
ok(!(grep { !defined $_->{id} } $bob->events), 'every event has an id');
my %ids = map { $_->{id} => 1 } $bob->events;
is(scalar keys %ids, scalar(my @all = $bob->events), 'of its own');
$bob->close;

$t->send_text('alice', $id, "m$_") for 4 .. 6;

sub resume {
    my ($from) = @_;
    return $t->stream('bob', raw => 1, headers => { 'Last-Event-ID' => $from });
}

sub seqs { return [map { $_->{json}{seq} } grep { $_->{event} eq 'message' } $_[0]->events] }

my $again = resume($bob->last_id);
ok($again->event('hello')->{json}{resumed}, 'back again: resumed');
$again->event('message', sub { $_[0]{seq} == 6 });
is_deeply(seqs($again), [4 .. 6], 'what came meanwhile, once and in order');
$t->send_text('alice', $id, 'm7');
$again->event('message', sub { $_[0]{seq} == 7 });
is_deeply(seqs($again), [4 .. 7], 'and it goes on live');
$again->close;

# In the middle of an entry of several events: the message, but not yet the unread count.
my $middle = resume($second->{id});
$middle->event('message', sub { $_[0]{seq} == 7 });
my ($first) = grep { $_->{event} ne 'hello' } $middle->events;
is($first->{event}, 'unread', 'the rest of the entry comes first');
is($first->{json}{lastSeq}, 2, 'of that very entry');
is_deeply(seqs($middle), [3 .. 7], 'then the others');
$middle->close;

for my $foreign ('nonsense', '0' x 16 . '.1-1', "\x{ff}", 'x' x 4000,
    $bob->last_id =~ s/\.\d+-/.1-/r, $bob->last_id =~ s/^./z/r) {
    my $stream = resume($foreign);
    ok(!$stream->event('hello')->{json}{resumed}, 'a foreign position is a beginning');
    $stream->event('reset');
    my $r = $t->send_text('alice', $id, 'next');
    is($stream->event('message')->{json}{seq}, $r->{json}{seq}, 'after reset it is live');
    $stream->close;
}

# Away for longer than the log reaches: reset, not a hole.
my $before = $t->stream('bob');
$t->send_text('alice', $id, 'seen');
$before->event('message');
$before->close;
$t->send_text('alice', $id, "many $_") for 1 .. 500;
my $late = resume($before->last_id);
$late->event('reset');
pass('a position that the log has lost is a reset');
$late->close;

# Three tabs of one person see the same, each by its own position.
my @tabs = map { $t->stream('bob') } 1 .. 3;
$t->send_text('alice', $id, "tab $_") for 1 .. 20;
for my $tab (@tabs) {
    $tab->event('message', sub { $_[0]{content} eq 'tab 20' });
    my $seqs = seqs($tab);
    is(scalar @$seqs, 20, 'twenty in each tab');
    is_deeply($seqs, [$seqs->[0] .. $seqs->[0] + 19], 'in order');
}

$t->finish;
