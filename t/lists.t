#!/usr/bin/perl

# Lists and histories page by page: nothing twice, nothing left out, also while messages come.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;

my %with;
for my $n (1 .. 25) {
    my $r = $t->post('/conversations', { members => ["u$n"], content => "to $n" }, as => 'alice');
    $with{$n} = $r->{json}{conversation}{id};
}

my ($cursor, @seen, $pages) = ('');
do {
    my $page = $t->get("/conversations?limit=10&cursor=$cursor", as => 'alice')->{json};
    push @seen, map { $_->{id} } @{ $page->{conversations} };
    $cursor = $page->{nextCursor} // '';
    # Between two pages an old conversation that was not yet shown moves to the top.
    $t->send_text('u3', $with{3}, 'moved up') if ++$pages == 1;
    die 'endless' if $pages > 10;
} while ($cursor ne '');
my %seen = map { $_ => 1 } @seen;
is(scalar keys %seen, 25, 'every conversation is delivered');
is_deeply([@seen[0 .. 9]], [map { $with{ 26 - $_ } } 1 .. 10], 'newest activity first');
ok($seen{ $with{3} }, 'the one that moved up meanwhile too');

my $id = $with{1};
$t->send_text('alice', $id, "line $_") for 2 .. 23;
my $page = $t->get("/conversations/$id/messages?limit=10", as => 'u1')->{json};
is_deeply([map { $_->{seq} } @{ $page->{messages} }], [14 .. 23], 'the newest page');
my @all = @{ $page->{messages} };
while (defined(my $before = $page->{nextCursor})) {
    $page = $t->get("/conversations/$id/messages?limit=10&before=$before", as => 'u1')->{json};
    unshift @all, @{ $page->{messages} };
}
is_deeply([map { $_->{seq} } @all], [1 .. 23], 'back to the first');
$page = $t->get("/conversations/$id/messages?limit=10&after=20", as => 'u1')->{json};
is_deeply([map { $_->{seq} } @{ $page->{messages} }], [21 .. 23], 'after one that is known');
is($page->{nextCursor}, undef, 'the end');

my $badge = $t->get('/unread-count', as => 'alice')->{json};
is($badge->{count}, 1, 'the badge counts');
is_deeply($badge->{conversations}, { $with{3} => 1 }, 'by conversation');

my $r = $t->patch("/conversations/$id/read", { seq => 10 }, as => 'u1');
is_deeply($r->{json}, { conversationId => $id, readSeq => 10, unreadCount => 13 }, 'read in part');
$t->send_text('u1', $id, 'mine');
$r = $t->patch("/conversations/$id/read", { seq => 5 }, as => 'u1');
is($r->{json}{readSeq}, 10, 'reading never goes back');
is($r->{json}{unreadCount}, 13, "one's own message is not unread");

$t->finish;
