#!/usr/bin/perl

# promoto: clients and garages; messages about appointments, in the site's own words.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging::Profile;

my $t = site('promoto');
person('cleo', 'client', 'Cléo');
person('garage', 'garage', 'Garage du Port');
person('eve', 'client');

for my $call (['POST', '/api/messages', {}], ['GET', '/api/messages/conversations'],
    ['GET', '/api/messages/conversation/x'], ['PUT', '/api/messages/read', {}]) {
    say(401, "$call->[0] $call->[1] needs a sign-in", undef, @$call);
}

my $none = say(200, 'with whom there was nothing yet', 'cleo', 'GET', '/api/messages/conversation/garage');
is_deeply($none->{messages}, [], 'no messages');
is(scalar @{ say(200, 'nor', 'cleo', 'GET', '/api/messages/conversations')->{conversations} }, 0, 'a conversation');

my $live = $t->stream('garage', headers => { Authorization => 'Bearer ' . $t->token('garage', role => 'garage') });
my $first = say(201, 'about an appointment', 'cleo', 'POST', '/api/messages',
    { receiverId => 'garage', content => 'Je serai en retard.', appointmentId => 'rdv-7' });
is($first->{appointmentId}, 'rdv-7', 'which it names');
is($live->event('new-message')->{json}{appointmentId}, 'rdv-7', 'the garage hears of it under its own name');
my $id = $first->{conversationId};
say(201, 'without one', 'garage', 'POST', '/api/messages', { receiverId => 'cleo', content => 'Pas de souci.' });
my $history = say(200, 'all that was said with them', 'cleo', 'GET', '/api/messages/conversation/garage');
is_deeply([map { [$_->{content}, $_->{appointmentId}] } @{ $history->{messages} }],
    [['Je serai en retard.', 'rdv-7'], ['Pas de souci.', undef]], 'in its order');
is_deeply([map { $_->{content} } @{ say(200, 'the garage', 'garage', 'GET', '/api/messages/conversation/cleo')->{messages} }],
    ['Je serai en retard.', 'Pas de souci.'], 'sees the same');
my $list = say(200, 'the list', 'cleo', 'GET', '/api/messages/conversations')->{conversations};
is_deeply([@{ $list->[0] }{qw(id otherId otherName garageId clientId unreadCount)}],
    [$id, 'garage', 'Garage du Port', 'garage', 'cleo', 1], 'with whom');

# Read by conversation, or by who it is.
is(say(200, 'by who it is', 'cleo', 'PUT', '/api/messages/read', { userId => 'garage' })->{unreadCount}, 0, 'read');
is(say(200, 'by conversation', 'garage', 'PUT', '/api/messages/read', { conversationId => $id })->{unreadCount}, 0, 'read');
is(say(200, 'the badge', 'cleo', 'GET', '/api/messages/unread-count')->{count}, 0, 'is none');

# All of a long history at once.
say(201, "message $_", 'cleo', 'POST', '/api/messages', { receiverId => 'garage', content => "n$_" }) for 1 .. 230;
is(scalar @{ say(200, 'the whole', 'garage', 'GET', '/api/messages/conversation/cleo')->{messages} }, 232, 'is whole');

my @wrong = (
    ['receiverId', 'POST', '/api/messages', { content => 'x' }],
    ['receiverId', 'POST', '/api/messages', { receiverId => 'cleo', content => 'to oneself' }],
    ['content', 'POST', '/api/messages', { receiverId => 'garage' }],
    ['content', 'POST', '/api/messages', { receiverId => 'garage', content => 'x' x 10001 }],
    ['appointmentId', 'POST', '/api/messages', { receiverId => 'garage', content => 'x', appointmentId => [1] }],
    ['userId', 'PUT', '/api/messages/read', {}],
);
for my $case (@wrong) {
    my ($field, @request) = @$case;
    my $r = ask('cleo', @request);
    is($r->{status}, 400, "refused: $r->{content}");
    like($r->{json}{error}, qr/\b$field\b/, 'names the field');
}
say(404, 'read with whom nothing was', 'eve', 'PUT', '/api/messages/read', { userId => 'garage' });
say(404, 'read of others', 'eve', 'PUT', '/api/messages/read', { conversationId => $id });
is_deeply(say(200, 'nothing', 'eve', 'GET', '/api/messages/conversation/garage')->{messages}, [], 'of others');
say(400, 'not JSON', 'cleo', 'POST', '/api/messages', '{');
say(415, 'not said to be JSON', 'cleo', 'POST', '/api/messages', 'x', headers => { 'Content-Type' => 'text/plain' });
$t->finish;
