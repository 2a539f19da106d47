#!/usr/bin/perl

# monmariage-live: as monmariage, under its own name and apart from it, with a page that shows the
# state of every part.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging::Profile;
use Test::Messaging::Venues;

my $t = venues('monmariage-live');

# Beside monmariage in one nginx, on one Redis and one store: the same people are others there.
isnt(scalar @{ say(200, 'the list here', 'claire', 'GET', '/api/messages') }, 0, 'has conversations');
at('monmariage');
is_deeply(say(200, 'the list there', 'claire', 'GET', '/api/messages'), [], 'has none');
is_deeply(say(200, 'the storefront there', 'claire', 'GET', '/api/messages?storefrontId=vaux')->{messages}, [],
    'is another');
is(say(200, 'the badge there', 'claire', 'GET', '/api/messages/unread-count')->{count}, 0, 'counts nothing');

# /test-messages asks without a sign-in, and hears of no more than how the parts are.
at('monmariage-live');
my $state = say(200, 'the state', undef, 'GET', '/api/messages/status');
is_deeply($state, { status => 'ok', parts => { map { $_ => 'ok' } qw(nginx redis worker store) } }, 'of every part');
$t->end('worker');
$t->wait_for('a part that is down', sub { ask(undef, 'GET', '/api/messages/status')->{status} == 503 });
$state = say(503, 'without a worker', undef, 'GET', '/api/messages/status');
is("$state->{status} $state->{parts}{redis} $state->{parts}{worker}", 'degraded ok down', 'which it names');
$t->finish;
