#!/usr/bin/perl

# Only members read and write; what is absent and what is another's look the same.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; }
        location /other { messaging site=other; }
    }
CONF
$t->run;
my $id = $t->open_conversation('alice', 'bob');
$t->send_text('alice', $id, 'between us');
my $absent = 'f' x length $id;
my $other = 'http://127.0.0.1:' . $t->port . '/other';

my @calls = (
    ['GET', '/conversations/%s'],
    ['GET', '/conversations/%s/messages'],
    ['POST', '/conversations/%s/messages', { content => 'let me in' }],
    ['PATCH', '/conversations/%s/read', {}],
    ['POST', '/conversations/%s/typing', {}],
    ['PATCH', '/conversations/%s', { subject => 'Mine' }],
);
for my $call (@calls) {
    my ($method, $path, $body) = @$call;
    my $ask = sub { $t->request($method, sprintf($path, $_[0]), $body, @_[1 .. $#_]) };
    like($ask->($id, as => 'bob')->{status}, qr/^20[014]$/, "$method $path: a member");
    my $stranger = $ask->($id, as => 'eve');
    my $nothing = $ask->($absent, as => 'eve');
    is($stranger->{status}, 404, "$method $path: a stranger");
    is($stranger->{content}, $nothing->{content}, "$method $path: as if it were not there");
    is($ask->($id)->{status}, 401, "$method $path: nobody");
    is($ask->($id, as => 'alice', base => $other)->{status}, 404, "$method $path: another site");
}

my $eve = $t->stream('eve');
my $bob = $t->stream('bob');
$t->send_text('alice', $id, 'still between us');
$bob->event('message');
is($t->get('/conversations', as => 'eve')->{json}{conversations}[0], undef, "eve's list is empty");
is($t->get('/unread-count', as => 'eve')->{json}{count}, 0, 'so is her badge');
$t->open_conversation('eve', 'bob');
$eve->event('conversation');
is(scalar(grep { $_->{event} eq 'message' } $eve->events), 0, 'her stream had nothing of theirs');

for my $path ('/conversations', '/unread-count', '/stream') {
    my $r = $t->get($path);
    is($r->{status}, 401, "$path without sign-in");
    is($r->{json}{code}, 'unauthenticated', 'says so');
    like($r->{headers}{'www-authenticate'}, qr/^Bearer/, 'and how');
}

# Opened without a word: only who opened it sees it, until there is a message.
my $quiet = $t->open_conversation('alice', 'carol');
is(scalar @{ $t->get('/conversations', as => 'carol')->{json}{conversations} }, 0,
    'not in the list of the other');
is(scalar(grep { $_->{id} eq $quiet } @{ $t->get('/conversations', as => 'alice')->{json}{conversations} }),
    1, "in the starter's");
$t->send_text('alice', $quiet, 'hello');
is(scalar @{ $t->get('/conversations', as => 'carol')->{json}{conversations} }, 1,
    'and with the first message in both');

$t->finish;
