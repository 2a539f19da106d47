#!/usr/bin/perl

# A team: a role whose people share one inbox and one read state; a badge over own and team
# conversations; own membership before the team's; and who is of the role no more sees nothing of it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_teams desk Admin;
        location /api/messages { messaging; }
        location /plain { messaging; messaging_teams off; }
    }
CONF
$t->run;
my $plain = 'http://127.0.0.1:' . $t->port . '/plain';
my $desk = 'team:desk';

# Signs a person in with a role from now on.
sub role { my ($user, $role) = @_; $t->{tokens}{$user} = $t->token($user, role => $role, name => ucfirst $user); return }
role($_, 'desk') for 'ann', 'amy';
role('eve', 'Desk');
role('sam', 'sales');

sub listed { return join ' ', map { $_->{id} } @{ $t->get('/conversations', as => $_[0])->{json}{conversations} } }
sub count { return $t->get('/unread-count', as => $_[0])->{json}{count} }

# --- One inbox

my $r = $t->post('/conversations', { members => [$desk], kind => 'ticket', content => 'Where is my order?' }, as => 'bob');
is($r->{status}, 201, 'anybody writes to a team');
my $id = $r->{json}{conversation}{id};
is_deeply([grep { $_->{id} eq $desk } @{ $r->{json}{conversation}{members} }],
    [{ id => $desk, role => 'desk', name => undef, online => undef, lastSeenAt => undef }], 'which is a member like any other');
is($r->{json}{conversation}{member}, 'bob', 'and bob takes part as himself');
for my $who ('ann', 'amy') {
    is(listed($who), $id, "$who lists it");
    is(count($who), 1, 'unread');
    my $me = $t->get('/conversations', as => $who)->{json}{me};
    is_deeply($me->{teams}, [$desk], 'of the team');
}
is($t->send_text('ann', $id, 'On its way.')->{json}{senderId}, 'ann', 'a person answers in person');
is(count('bob'), 1, 'bob has one unread');
is($t->patch("/conversations/$id/read", {}, as => 'amy')->{json}{unreadCount}, 0, 'one reads');
is(count('ann'), 0, 'for all');
is($t->get("/conversations/$id", as => 'ann')->{json}{member}, $desk, 'as the team');
$r = $t->patch("/conversations/$id", { archived => JSON::PP::true }, as => 'ann');
is($t->get("/conversations/$id", as => 'amy')->{json}{archived}, JSON::PP::true, 'archives for all');
is($t->get("/conversations/$id", as => 'bob')->{json}{archived}, JSON::PP::false, 'but not for bob');
my $history = $t->get("/conversations/$id/messages", as => 'amy')->{json}{messages};
is(join(' ', map { $_->{read} ? 1 : 0 } @$history), '1 0', 'read: by the team, not yet by bob');

# --- As whom

$r = $t->post('/conversations', { members => ['carl'], as => 'team', content => 'from the desk' }, as => 'ann');
my $from = $r->{json}{conversation}{id};
is_deeply([map { $_->{id} } @{ $r->{json}{conversation}{members} }], ['carl', $desk], 'on behalf of the team');
like(listed('amy'), qr/\b$from\b/, 'whose others see it');
$r = $t->post('/conversations', { members => ['carl', $desk] }, as => 'amy');
is("$r->{status} $r->{json}{conversation}{id}", "200 $from", 'naming the team is the same conversation');
$r = $t->post('/conversations', { members => ['carl'] }, as => 'ann');
is_deeply([map { $_->{id} } @{ $r->{json}{conversation}{members} }], ['ann', 'carl'], 'in person, by default');
unlike(listed('amy'), qr/$r->{json}{conversation}{id}/, 'and the team does not see it');
for my $case (
    ['bob', { members => ['team:sales'] }, 'members', 'a team that there is not'],
    ['bob', { members => ['team:admin'] }, 'members', 'its role in other letters'],
    ['bob', { members => ['carl'], as => 'team' }, 'as', 'a team of which one is not'],
    ['sam', { members => ['carl'], as => 'team' }, 'as', 'a role without a team'],
    ['ann', { members => ['carl'], as => 'desk' }, 'as', 'a word that is none'],
) {
    my ($user, $body, $field, $what) = @$case;
    $r = $t->post('/conversations', $body, as => $user);
    is("$r->{status} $r->{json}{field}", "400 $field", "refused: $what");
}
$r = $t->post('/conversations', { members => [$desk] }, as => 'bob', base => $plain);
is("$r->{status} $r->{json}{field}", '400 members', 'refused where there are no teams');
is($t->get('/conversations', as => 'sam')->{status}, 200, 'another role is fine');
is($t->get('/conversations', headers => { Authorization => 'Bearer ' . $t->token($desk) })->{status}, 401,
    'nobody signs in as a team');

# --- Own before the team's

$r = $t->post('/conversations', { members => ['ann', $desk], content => 'to both' }, as => 'dora');
my $both = $r->{json}{conversation}{id};
is_deeply([map { $t->get("/conversations/$both", as => $_)->{json}{member} } 'ann', 'amy'], ['ann', $desk], 'own first');
is(count('ann'), 1, 'counted once');
is(count('amy'), 1, 'by each');
$t->patch("/conversations/$both/read", {}, as => 'ann');
is(count('ann'), 0, 'read in person');
is(count('amy'), 1, 'which the team has not');
$t->send_text('dora', $both, 'again');
$t->patch("/conversations/$both/read", {}, as => 'amy');
is(count('ann'), 1, "and not the other way: it is ann's");
is(scalar(grep { $_ eq $both } split ' ', listed('ann')), 1, 'listed once');
my $badge = $t->get('/unread-count', as => 'ann');
is_deeply($badge->{json}, { count => 1, conversations => { $both => 1 } }, 'nothing else in the badge');
is($t->get('/unread-count', as => 'ann', headers => { 'If-None-Match' => $badge->{headers}{etag} })->{status}, 304,
    'unchanged is 304');
$t->send_text('bob', $id, 'thanks');
isnt($t->get('/unread-count', as => 'ann', headers => { 'If-None-Match' => $badge->{headers}{etag} })->{status}, 304,
    'the tag is over the sum');

# The badge is right at every step, whoever does what.
srand 7;
my %with = map { $_ => $t->post('/conversations', { members => $_ % 3 ? [$desk] : ['ann'], content => 'x' },
    as => "u$_")->{json}{conversation}{id} } 1 .. 6;
my $wrong = 0;
for my $step (1 .. 60) {
    my $n = 1 + int rand 6;
    rand() < 0.5 ? $t->send_text("u$n", $with{$n}, "step $step")
        : $t->patch("/conversations/$with{$n}/read", {}, as => $n % 3 ? 'amy' : 'ann');
    my $sum = 0;
    $sum += $_->{unreadCount} for @{ $t->get('/conversations', as => 'ann')->{json}{conversations} };
    $wrong++ if $sum != count('ann');
}
is($wrong, 0, 'the badge is the sum of the list at each of 60 steps');

# Pages over both inboxes.
my ($cursor, @paged) = ('');
for (1 .. 40) {
    my $page = $t->get("/conversations?limit=2&cursor=$cursor", as => 'ann')->{json};
    push @paged, map { $_->{id} } @{ $page->{conversations} };
    $cursor = $page->{nextCursor} // last;
}
is(join(' ', @paged), listed('ann'), 'page by page as at once');

# --- Not of the role

for my $who ('eve', 'sam', 'bert') {
    is($t->get("/conversations/$id", as => $who)->{status}, 404, "$who sees nothing");
    is($t->send_text($who, $id, 'x')->{status}, 404, 'and says nothing');
    is(listed($who) . count($who), '0', 'not in lists or the badge');
}
my %before = %{ $t->{tokens} };
is($t->get("/conversations/$id", as => 'amy')->{status}, 200, 'amy is of the desk');
role('amy', 'member');
is($t->get("/conversations/$id", as => 'amy')->{status}, 404, 'with another role she sees nothing of it at once');
is($t->patch("/conversations/$id/read", {}, as => 'amy')->{status}, 404, 'and reads nothing');
is(listed('amy') . count('amy'), '0', 'nor is anything counted');
is($t->get("/conversations/$id", as => 'ann', base => $plain)->{status}, 404, 'nor where there are no teams');

# --- Streams

role('abe', 'desk');
my %stream = map { $_ => $t->stream($_, raw => 1) } 'ann', 'abe', 'bob';
is_deeply($stream{$_}->event('hello')->{json}{teams}, [$desk], "$_ follows the team") for 'ann', 'abe';
is_deeply($stream{bob}->event('hello')->{json}{teams}, [], 'bob none');
my $with_ann = $t->open_conversation('bob', 'ann');

# Says something and waits until it came.
sub says { my ($to, $user, $where, $text) = @_; $t->send_text($user, $where, $text); $_->event('message', sub { $_[0]{content} eq $text }) for @$to; return }
says([@stream{qw(ann abe bob)}], 'bob', $id, 'live');
for my $who ('ann', 'abe') {
    is($stream{$who}->event('unread', sub { $_[0]{conversationId} eq $id })->{json}{member}, $desk, "$who: the team's numbers");
}
says([@stream{qw(ann bob)}], 'bob', $with_ann, 'for you alone');
$t->patch("/conversations/$id/read", {}, as => 'abe');
my $read = $stream{bob}->event('read')->{json};
is("$read->{member} $read->{userId}", "$desk abe", 'who read, and for whom');
is($stream{ann}->event('unread', sub { $_[0]{member} eq $desk && !$_[0]{unreadCount} })->{json}{conversationId}, $id,
    'and its other people are told');
$t->send_text('dora', $both, 'live to both');
is(join(' ', sort map { $stream{ann}->event('unread', sub { $_[0]{conversationId} eq $both })->{json}{member} } 1, 2),
    "ann $desk", 'who is a member twice can tell own numbers from the team\'s');

# Where it was left, in both logs; and not in another team's.
my $left = $stream{ann}->last_id;
like($left, qr/^\w+\.\d+-\d+(\.\d+)?\+\w+\.\d+-\d+(\.\d+)?\z/, 'a cursor over two logs');
$stream{ann}->close;
says([$stream{abe}], 'bob', $id, 'meanwhile, to the desk');
says([$stream{bob}], 'bob', $with_ann, 'meanwhile, to you');
my $again = $t->stream('ann', raw => 1, headers => { 'Last-Event-ID' => $left });
is($again->event('hello')->{json}{resumed}, JSON::PP::true, 'resumed');
my %missed = map { $again->event('message')->{json}{content} => 1 } 1, 2;
is_deeply(\%missed, { 'meanwhile, to the desk' => 1, 'meanwhile, to you' => 1 }, 'with what was missed of both');
$t->{tokens}{boss} = $t->token('ann', role => 'Admin');
my $boss = $t->stream('boss', raw => 1, headers => { 'Last-Event-ID' => $left });
is($boss->event('hello')->{json}{resumed}, JSON::PP::false, "another team's log is another log");
$boss->event('reset');
$boss->close;
role('ann', 'desk');
$t->get('/conversations', as => 'ann');
$again->close;
$again = $t->stream('ann');
$t->redis('DEL', @{ $t->redis('KEYS', '*:log:*') });
says([], 'bob', $id, 'lost');
$again->event('reset');
says([$again], 'bob', $id, 'found');

# --- A role that is gone

my $before = $t->stream('abe');
is($before->status, 200, 'abe follows the desk');
role('abe', 'member');
is(listed('abe'), '', 'a request under another role');
is($before->event('bye')->{json}{code}, 'revoked', 'ends the streams under the old one');
ok($before->until_closed, 'for good');
is($stream{abe}->event('bye')->{json}{code}, 'revoked', 'all of them');
my $after = $t->stream('abe', raw => 1, headers => { 'Last-Event-ID' => $before->last_id });
is_deeply($after->event('hello')->{json}{teams}, [], 'and the next one follows no team');
says([$again], 'bob', $id, 'not for abe');
$t->post('/conversations', { members => ['abe'], content => 'for abe' }, as => 'bob');
$after->event('message', sub { $_[0]{content} eq 'for abe' });
is(scalar(grep { ($_->{json}{content} // '') eq 'not for abe' } $before->events, $stream{abe}->events, $after->events), 0,
    'team events no more');
is(scalar(grep { $_->{event} eq 'bye' || $_->{event} eq 'revoked' } $again->events, $after->events), 0,
    'others, and new ones, stay');

my ($code, $output) = $t->worker_run('check');
is($code, 0, 'check finds no drift') or diag $output;
$t->finish;
