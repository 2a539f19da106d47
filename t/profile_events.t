#!/usr/bin/perl

# Events under a profile's names: each that may be renamed comes so, live and after a resumption, in the
# site's own fields; those that speak of the stream itself keep theirs.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    messaging_profile live {
        roles client partner;
        conversation number=id unread=unreadCount;
        message      number=id text=content from=senderId;
        event message      new-message;
        event conversation chat:new;
        event read         seen;
        event unread       badge;
        event typing       user-typing;
        event presence     user-status;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging live; }
    }
CONF
$t->run;

sub headers_of { return { Authorization => 'Bearer ' . $t->token($_[0], role => $_[1]) } }
my $ann = headers_of('ann', 'client');
my $bob = headers_of('bob', 'partner');

my $stream = $t->stream('bob', headers => $bob);
my $opened = $t->post('/conversations', { members => ['bob'], content => 'hello' }, headers => $ann)->{json};
my $id = $opened->{conversation}{number};
is_deeply([sort keys %{ $stream->event('chat:new')->{json} }], [qw(number unread)], 'conversation, by its name and fields');
is_deeply([@{ $stream->event('new-message')->{json} }{qw(text from)}], ['hello', 'ann'], 'message');
is($stream->event('badge')->{json}{unreadCount}, 1, 'unread');
my $typing = sub { $t->post("/conversations/$id/typing", {}, headers => $_[0])->{status} };
is($typing->($ann), 204, 'ann types');
my $event = $stream->event('user-typing');
is($event->{json}{userId}, 'ann', 'typing');
is($event->{id}, undef, 'and it has no id, whatever its name');
my $hers = $t->stream('ann', headers => $ann);
is($stream->event('user-status')->{json}{userId}, 'ann', 'presence');
is($t->patch("/conversations/$id/read", {}, headers => $bob)->{status}, 200, 'bob reads');
is($hers->event('seen')->{json}{readSeq}, 1, 'read');

# What was missed has the same names.
my $last = $stream->last_id;
$stream->close;
$t->post("/conversations/$id/messages", { content => 'again' }, headers => $ann);
$stream = $t->stream('bob', headers => { %$bob, 'Last-Event-ID' => $last }, raw => 1);
ok($stream->event('hello')->{json}{resumed}, 'hello keeps its name');
is($stream->event('new-message')->{json}{text}, 'again', 'what was missed too');
is((grep { $_->{event} =~ /^(?:message|conversation|read|unread|typing|presence)$/ } $stream->events), 0,
    'nothing comes by the names that were replaced');
$t->finish;
