#!/usr/bin/perl

# Closing, archiving and renaming: stored once, told to whom it concerns, and lists by it, page by
# page while messages come.

use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $id = $t->open_conversation('alice', 'bob');
$t->send_text('alice', $id, 'hello');
my %stream = map { $_ => $t->stream($_) } 'alice', 'bob';

sub change {
    my ($user, $what, %options) = @_;
    my $r = $t->patch("/conversations/$id", $what, as => $user, %options);
    return join ' ', $r->{status}, map { $_ // '-' } @{ $r->{json} }{qw(rev status archived subject)};
}

is(change('alice', { status => 'closed' }, key => 'close'), '200 1 closed 0 -', 'closed');
for my $user ('alice', 'bob') {
    my $seen = $stream{$user}->event('conversation')->{json};
    is("$seen->{rev} $seen->{status} $seen->{id}", "1 closed $id", "$user is told");
}
is(change('bob', { archived => $true }), '200 2 closed 1 -', 'archived by bob');
is($stream{bob}->event('conversation')->{json}{archived}, $true, 'who is told');
is(change('alice', { subject => 'Vélo', status => 'open' }), '200 3 open 0 Vélo', 'for himself; reopened, renamed');
my $seen = $stream{alice}->event('conversation')->{json};
is("$seen->{rev} $seen->{subject}", '3 Vélo', 'alice was not told of what is not hers');
is(change('alice', { status => 'closed' }, key => 'close'), '200 3 open 0 Vélo',
    'a repeat of what was changed again since changes nothing');
is(change('alice', { status => 'closed' }), '200 4 closed 0 Vélo', 'a new one does');
is($t->send_text('bob', $id, 'still here')->{status}, 201, 'a closed conversation takes messages');
$seen = $t->get("/conversations/$id", as => 'bob')->{json};
is(join(' ', @$seen{qw(rev status archived lastSeq)}), '4 closed 1 2', 'and stays closed');
is(change('alice', { subject => undef }), '200 5 closed 0 -', 'without a subject again');

# Lists.
my %with;
for my $n (1 .. 12) {
    my $r = $t->post('/conversations', { members => ["u$n"], content => "to $n",
        $n % 3 ? () : (context => { type => 'product', id => "$n" }) }, as => 'alice');
    $with{$n} = $r->{json}{conversation}{id};
}
for my $n (1 .. 6) {
    $t->patch("/conversations/$with{$n}", { status => 'closed', archived => $n > 3 ? $true : $false }, as => 'alice');
}
$t->send_text('u9', $with{9}, 'Château Margaux');
my %number = (reverse(%with), $id => 'bob');

# All pages; between them what `meanwhile` does.
sub listed {
    my ($filter, %options) = @_;
    my ($cursor, @ids) = ('');
    for (1 .. 50) {
        my $page = $t->get("/conversations?cursor=$cursor&limit=" . ($options{limit} // 2) . "&$filter",
            as => 'alice')->{json};
        push @ids, map { $number{ $_->{id} } } @{ $page->{conversations} };
        $cursor = $page->{nextCursor} // return \@ids;
        $options{meanwhile}->() if $options{meanwhile};
    }
    return 'endless';
}
is_deeply(listed(''), [9, 12, 11, 10, 8, 7, 6, 5, 4, 3, 2, 1, 'bob'], 'all');
is_deeply(listed('status=closed'), [6, 5, 4, 3, 2, 1, 'bob'], 'closed');
is_deeply(listed('status=open'), [9, 12, 11, 10, 8, 7], 'open');
is_deeply(listed('archived=true'), [6, 5, 4], 'archived');
is_deeply(listed('archived=false&status=closed'), [3, 2, 1, 'bob'], 'closed and not archived');
is_deeply(listed('unread=true'), [9, 'bob'], 'unread');
is_deeply(listed('context=product'), [9, 12, 6, 3], 'about any product');
is_deeply(listed('context=product:12'), [12], 'about one');
is_deeply(listed('q=CHATEAU'), [9], 'by a word, without its accent');
is_deeply(listed('q=u1', limit => 1), [12, 11, 10, 1], 'by a member');
is_deeply(listed('q=zebra'), [], 'by what is nowhere');

# What moves up while one walks is delivered, with a filter too.
my $once;
my $moved = listed('status=closed', meanwhile => sub { $t->send_text('u1', $with{1}, 'up') if !$once++ });
my %seen = map { $_ => 1 } @$moved;
is(join(' ', sort keys %seen), '1 2 3 4 5 6 bob', 'none is left out');
$once = 0;
$moved = listed('unread=true&status=closed', limit => 1,
    meanwhile => sub { $t->send_text('u2', $with{2}, 'up') if !$once++ });
%seen = map { $_ => 1 } @$moved;
is(join(' ', sort keys %seen), '1 2 bob', 'nor what came to be unread');

$t->finish;
