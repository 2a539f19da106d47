#!/usr/bin/perl

# pro-admin: tickets of professionals and the team of admins, in the site's own words.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging::Profile;

my $t = site('pro-admin');
person('pro', 'professional', 'Paul');
person('pia', 'professional', 'Pia');
person('ada', 'admin', 'Ada');
person('bob', 'admin', 'Bob');
my $all = '/api/messaging/conversations';

for my $call (['GET', $all], ['POST', $all, {}], ['GET', "$all/x"], ['POST', "$all/x/messages", {}],
    ['PATCH', "$all/x/read", {}], ['PATCH', "$all/x/status", {}], ['GET', '/api/messaging/unread-count']) {
    say(401, "$call->[0] $call->[1] needs a sign-in", undef, @$call);
}

# A professional opens a ticket, the admins share it.
my $ticket = say(201, 'a ticket', 'pro', 'POST', $all, { subject => 'Facture', content => 'Où est-elle ?' });
is_deeply([@{$ticket}{qw(subject status professionalId adminId)}], ['Facture', 'open', 'pro', 'team:admin'], 'of whom');
my $id = $ticket->{id};
isnt(say(201, 'another', 'pro', 'POST', $all, { subject => 'Facture', content => 'Où est-elle ?' })->{id}, $id, 'is another');
is(say(200, "an admin's badge", $_, 'GET', '/api/messaging/unread-count')->{count}, 2, 'counts both') for 'ada', 'bob';
is(join(' ', keys %{ say(200, 'which', 'ada', 'GET', '/api/messaging/unread-count') }), 'count', 'is the count alone');
my $thread = say(200, 'opened by one admin', 'ada', 'GET', "$all/$id");
is($thread->{messages}[0]{senderType}, 'PROFESSIONAL', 'who wrote');
is(say(200, 'is read', 'bob', 'GET', '/api/messaging/unread-count')->{count}, 1, 'for the other too');
my $stream = $t->stream('pro', path => '/api/messaging/stream',
    headers => { Authorization => 'Bearer ' . $t->token('pro', role => 'professional') });
is(say(201, 'answered', 'ada', 'POST', "$all/$id/messages", { content => 'La voici.' })->{senderType}, 'ADMIN', 'by the desk');
is($stream->event('message')->{json}{senderType}, 'ADMIN', 'live');
is(say(200, 'the professional', 'pro', 'GET', '/api/messaging/unread-count')->{count}, 1, 'has it to read');
is(say(200, 'marked', 'pro', 'PATCH', "$all/$id/read", {})->{unreadCount}, 0, 'read');

# An admin writes to one professional.
my $from = say(201, 'from the desk', 'bob', 'POST', $all, { professionalId => 'pia', subject => 'Bienvenue', content => 'Bonjour' });
is_deeply([@{$from}{qw(professionalId adminId)}], ['pia', 'team:admin'], 'as the team');
is(scalar @{ say(200, 'all', $_->[0], 'GET', $all)->{conversations} }, $_->[1], "those of $_->[0]")
    for ['ada', 3], ['bob', 3], ['pro', 2], ['pia', 1];

# Status, by admins only; filters.
is(say(200, 'closed', 'ada', 'PATCH', "$all/$id/status", { status => 'closed' })->{status}, 'closed', 'it is');
say(403, 'not by a professional', 'pro', 'PATCH', "$all/$id/status", { status => 'open' });
is(scalar @{ say(200, 'filtered', 'ada', 'GET', "$all?status=closed")->{conversations} }, 1, 'the closed');
is(scalar @{ say(200, 'filtered', 'ada', 'GET', "$all?status=open")->{conversations} }, 2, 'the open');
is(scalar @{ say(200, 'filtered', 'pia', 'GET', "$all?unreadOnly=true")->{conversations} }, 1, 'the unread');
is(scalar @{ say(200, 'filtered', 'pro', 'GET', "$all?unreadOnly=true")->{conversations} }, 0, 'none');
is(scalar @{ say(200, 'filtered', 'pro', 'GET', "$all?unreadOnly=false")->{conversations} }, 2, 'all');

my @wrong = (
    [400, 'professionalId', 'ada', 'POST', $all, { subject => 's', content => 'x' }],
    [400, 'content', 'pro', 'POST', $all, { subject => 's' }],
    [400, 'subject', 'pro', 'POST', $all, { subject => 7, content => 'x' }],
    [400, 'content', 'pro', 'POST', "$all/$id/messages", {}],
    [400, 'status', 'ada', 'PATCH', "$all/$id/status", { status => 'lost' }],
    [400, 'status', 'ada', 'GET', "$all?status=lost"],
    [404, undef, 'pia', 'GET', "$all/$id"],
    [404, undef, 'pia', 'POST', "$all/$id/messages", { content => 'x' }],
    [404, undef, 'pia', 'PATCH', "$all/$id/read", {}],
);
for my $case (@wrong) {
    my ($status, $field, @request) = @$case;
    my $r = ask(@request);
    is($r->{status}, $status, "refused: $r->{content}");
    like($r->{json}{error}, qr/\b$field\b/, 'names the field') if $field;
}
$t->finish;
