#!/usr/bin/perl

# The main path: a message from alice, through nginx, to disk, and into bob's stream.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;

my $bob = $t->stream('bob');
is($bob->status, 200, 'stream opens');
my $alice = $t->stream('alice');

my $r = $t->post('/conversations', { members => ['bob'], content => 'hello bob' },
    as => 'alice');
is($r->{status}, 201, 'a new conversation is 201');
my $id = $r->{json}{conversation}{id};
like($id, qr/^\S{8,128}$/, 'it has an id');
is($r->{json}{message}{seq}, 1, 'its first message is number 1');
is($r->{json}{message}{content}, 'hello bob', 'with its content');
is_deeply([sort map { $_->{id} } @{ $r->{json}{conversation}{members} }], ['alice', 'bob'],
    'both are members');
is($r->{headers}{'cache-control'}, 'private, no-store', 'no cache keeps an answer');

my $event = $bob->event('message');
is($event->{json}{content}, 'hello bob', 'bob sees it without asking');
is($event->{json}{senderId}, 'alice', 'and from whom');
ok($event->{id}, 'the event has an id');
my $unread = $bob->event('unread');
is($unread->{json}{unreadCount}, 1, 'his unread count rises');
is($alice->event('message')->{json}{content}, 'hello bob', "alice's own streams see it too");

is($t->get('/unread-count', as => 'bob')->{json}{count}, 1, 'the badge says 1');
is($t->get('/unread-count', as => 'alice')->{json}{count}, 0, "the sender's badge says 0");

$r = $t->send_text('bob', $id, ' hi alice ');
is($r->{status}, 201, 'bob answers');
is($r->{json}{seq}, 2, 'number 2');
is($r->{json}{content}, 'hi alice', 'trimmed');
is($alice->event('message', sub { $_[0]{seq} == 2 })->{json}{content}, 'hi alice',
    'alice sees it');

my $list = $t->get('/conversations', as => 'bob')->{json};
is($list->{me}{id}, 'bob', 'the list says who asks');
is(scalar @{ $list->{conversations} }, 1, 'one conversation');
is($list->{conversations}[0]{lastMessage}{content}, 'hi alice', 'with its newest message');
is($list->{conversations}[0]{unreadCount}, 1, 'and what is unread');

my $history = $t->get("/conversations/$id/messages", as => 'alice')->{json};
is_deeply([map { "$_->{seq} $_->{content}" } @{ $history->{messages} }],
    ['1 hello bob', '2 hi alice'], 'the history by rising number');

$r = $t->patch("/conversations/$id/read", undef, as => 'bob');
is_deeply($r->{json}, { conversationId => $id, readSeq => 2, unreadCount => 0 }, 'bob reads');
is($alice->event('read')->{json}{userId}, 'bob', 'alice sees that bob read');
is($bob->event('unread', sub { $_[0]{readSeq} == 2 })->{json}{unreadCount}, 0,
    "bob's streams see his count fall");
is($t->get('/unread-count', as => 'bob')->{json}{count}, 0, 'the badge says 0');
$history = $t->get("/conversations/$id/messages", as => 'alice')->{json};
is_deeply([map { $_->{read} ? 1 : 0 } @{ $history->{messages} }], [1, 0],
    'alice: her message is read, his is not yet');

$r = $t->get("/conversations/$id", as => 'alice');
is($r->{json}{unreadCount}, 1, 'one conversation by its id');

my $again = $t->post('/conversations', { members => ['alice'] }, as => 'bob');
is($again->{status}, 200, 'the same members are the same conversation');
is($again->{json}{conversation}{id}, $id, 'by the same id');

is($t->get('/status')->{json}{status}, 'ok', 'status needs no sign-in');

$t->finish;
