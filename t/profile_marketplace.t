#!/usr/bin/perl

# marketplace: buyers write to sellers about a product, in the site's own words.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging::Profile;

my $t = site('marketplace');
person('bea', 'buyer', 'Béa');
person('sam', 'seller');
person('eve', 'buyer');
my $all = '/api/messages/conversations';

for my $call (['GET', $all], ['POST', $all, {}], ['GET', "$all/x"], ['POST', '/api/messages/send', {}]) {
    my $answer = say(401, "$call->[0] $call->[1] needs a sign-in", undef, @$call);
    is($answer->{code}, 'unauthenticated', 'in the words of the site');
}

# From a product's page, without a word yet.
my $opened = say(201, 'opened', 'bea', 'POST', $all, { productId => 42, sellerId => 'sam', sellerName => 'Boutique Sam' });
is_deeply([@{$opened}{qw(productId sellerId sellerName buyerId)}], ['42', 'sam', 'Boutique Sam', 'bea'],
    'about what and with whom, by the name that the page gave');
my $id = $opened->{id};
is(say(200, 'once more', 'bea', 'POST', $all, { productId => 42, sellerId => 'sam' })->{id}, $id, 'the same');
isnt(say(201, 'another product', 'bea', 'POST', $all, { productId => 'b-2', sellerId => 'sam' })->{id}, $id, 'another');
is(scalar @{ say(200, 'the seller', 'sam', 'GET', $all)->{conversations} }, 0, 'sees nothing before the first message');

my $seller = $t->stream('sam', headers => { Authorization => 'Bearer ' . $t->token('sam', role => 'seller') });
my $sent = say(201, 'the first message', 'bea', 'POST', '/api/messages/send', { conversationId => $id, content => 'Encore là ?' });
is($sent->{conversationId}, $id, 'in it');
is($seller->event('conversation')->{json}{productId}, '42', 'the seller hears of it, in the words of the site');
is($seller->event('message')->{json}{content}, 'Encore là ?', 'and of what it says');
is(say(200, 'the badge', 'sam', 'GET', '/api/messages/unread-count')->{count}, 1, 'one unread');
my $page = say(200, 'opened by the seller', 'sam', 'GET', "$all/$id");
is_deeply([map { $_->{content} } @{ $page->{messages} }], ['Encore là ?'], 'its messages');
is(say(200, 'the badge', 'sam', 'GET', '/api/messages/unread-count')->{count}, 0, 'opening marks them read');
is(say(200, "the buyer's list", 'bea', 'GET', $all)->{conversations}[0]{sellerName}, 'Boutique Sam',
    'a hint stands until they say their name');
person('sam', 'seller', 'Sam Martin');
say(200, 'the seller signs in with a name', 'sam', 'GET', $all);
say(201, 'and writes', 'sam', 'POST', '/api/messages/send', { conversationId => $id, content => 'Oui.' });
say(200, 'another page says another', 'bea', 'POST', $all, { productId => 42, sellerId => 'sam', sellerName => 'Faux' });
$t->wait_for('the name', sub {
    say_name() eq 'Sam Martin';
});
sub say_name { ask('bea', 'GET', $all)->{json}{conversations}[0]{sellerName} // '' }
pass('a known name is never overwritten');

# Pages.
say(201, "message $_", 'bea', 'POST', '/api/messages/send', { conversationId => $id, content => "n$_" }) for 2 .. 5;
$page = say(200, 'the newest', 'bea', 'GET', "$all/$id?limit=2");
is_deeply([map { $_->{content} } @{ $page->{messages} }], ['n4', 'n5'], 'two of them');
$page = say(200, 'those before', 'bea', 'GET', "$all/$id?limit=2&before=$page->{nextCursor}");
is_deeply([map { $_->{content} } @{ $page->{messages} }], ['n2', 'n3'], 'on demand');
is(scalar @{ say(200, 'a page of the list', 'bea', 'GET', "$all?limit=1")->{conversations} }, 1, 'paged');
say(201, 'a new type of message', 'bea', 'POST', '/api/messages/send',
    { conversationId => $id, content => '12 €', type => 'offer', data => { price => 12 } });
is(say(200, 'shown', 'sam', 'GET', "$all/$id")->{messages}[-1]{data}{price}, 12, 'with its data');

# Rules.
my @wrong = (
    [400, 'sellerId', $all, { productId => 42 }],
    [400, 'sellerId', $all, { productId => 42, sellerId => 'bea' }],
    [400, 'sellerName', $all, { productId => 42, sellerId => 'sam', sellerName => 7 }],
    [400, 'productId', $all, { productId => { a => 1 }, sellerId => 'sam' }],
    [400, 'conversationId', '/api/messages/send', { content => 'x' }],
    [400, 'content', '/api/messages/send', { conversationId => $id }],
    [400, 'content', '/api/messages/send', { conversationId => $id, content => '' }],
    [400, 'data', '/api/messages/send', { conversationId => $id, content => 'x', data => 1 }],
);
for my $case (@wrong) {
    my ($status, $field, $path, $body) = @$case;
    my $r = ask('bea', 'POST', $path, $body);
    is($r->{status}, $status, "refused: $r->{content}");
    like($r->{json}{error}, qr/\b$field\b/, 'names the field');
    is(join(' ', sort keys %{ $r->{json} }), 'code error', 'in the shape of the site');
}
say(404, 'not hers', 'eve', 'GET', "$all/$id");
say(404, 'not hers to write in', 'eve', 'POST', '/api/messages/send', { conversationId => $id, content => 'x' });
is(scalar @{ say(200, 'her list', 'eve', 'GET', $all)->{conversations} }, 0, 'is empty');

# A message to a conversation that waits for its first, from the other side too.
is(ask('bea', 'GET', "$all?q=encore")->{status}, 200, 'searched');
$t->finish;
