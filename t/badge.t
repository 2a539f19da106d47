#!/usr/bin/perl

# The badge's cache never shows an old number: whatever changes the count deletes the entry.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;
my @with = map { $t->open_conversation('alice', "u$_") } 1 .. 5;
my %expected;

sub badge { return $t->get('/unread-count', as => 'alice')->{json} }

srand 42;
my $wrong = 0;
for my $step (1 .. 300) {
    my $n = int rand 5;
    my $action = rand;
    if ($action < 0.5) {
        $t->send_text('u' . ($n + 1), $with[$n], "step $step");
        $expected{ $with[$n] }++;
    } elsif ($action < 0.6) {
        $t->send_text('alice', $with[$n], "step $step");
    } else {
        $t->patch("/conversations/$with[$n]/read", {}, as => 'alice');
        delete $expected{ $with[$n] };
    }
    my $total = 0;
    $total += $_ for values %expected;
    my $badge = badge();
    my $same = $badge->{count} == $total
        && $t->json->encode($badge->{conversations}) eq $t->json->encode(\%expected);
    $wrong++ if !$same;
}
is($wrong, 0, 'right after each of 300 steps');

my @cached = @{ $t->redis('KEYS', '*:badge:*') };
ok(@cached, 'there is a cached entry');
my $before = badge();
$t->redis('SET', $cached[0], '?somebody-else', 'EX', 30);
is_deeply(badge(), $before, "another's nonce: asked, not believed");
$t->redis('SET', $cached[0], 'garbage');
my $r = $t->get('/unread-count', as => 'alice');
ok($r->{status} == 200 && $r->{json}{count} == $before->{count} || $r->{status} >= 500,
    'garbage in Redis never reaches a browser');
isnt($r->{content}, 'garbage', 'as it is');

# What Redis refuses is logged, at most once a second.
sub odd { my ($key) = @_; $t->redis('DEL', $key); $t->redis('RPUSH', $key, 'x'); return }
for my $case (['a badge', '/unread-count', $cached[0]], ["the workers' state", '/status', 'messaging:status']) {
    my ($what, $path, $key) = @$case;
    $t->wait_for("a refusal of $what", sub {
        odd($key);
        $r = $t->get($path, as => 'alice');
        $t->read_file('error.log') =~ /messaging: Redis refuses to tell \Q$what\E: WRONGTYPE/;
    });
    is($r->{status}, 503, "$what that cannot be read: 503, and the log says why");
    $t->redis('DEL', $key);
}

$t->finish;
