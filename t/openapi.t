#!/usr/bin/perl

# Every answer and every event is as schema/openapi.yaml says: status, headers, type and body, with
# nothing that it does not name; and every refusal that a client can provoke is shown.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use IPC::Open2;
use JSON::PP ();
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; messaging_teams desk; messaging_timeout 1s; messaging_streams_per_user 2; }
        location /limited { messaging; messaging_rate send=1/d start=1/d typing=1/d; }
    }
CONF
$t->run;

my @lines;

# One request, kept for the check.
sub ask {
    my ($method, $path, $body, @options) = @_;
    my $r = $t->request($method, $path, $body, @options);
    push @lines, { method => $method, path => $path, status => int $r->{status}, headers => $r->{headers},
        body => $r->{json} // $r->{content} };
    return $r;
}

my $bob = $t->stream('bob', raw => 1);
$bob->event('hello');
my $first = ask('POST', '/conversations', { members => ['bob'] }, as => 'alice');
my $id = $first->{json}{conversation}{id};
my $message = "/conversations/$id/messages";
ask('POST', '/conversations', { members => ['bob'], content => 'again' }, as => 'alice', key => 's');
ask('POST', '/conversations', { members => ['bob'], content => 'other' }, as => 'alice', key => 's');
ask('POST', $message, { content => "n $_" }, as => 'alice', key => "k$_") for 1 .. 3, 3;
ask('POST', $message, { content => 'other' }, as => 'alice', key => 'k3');
my $offer = { content => 'five', type => 'offer', data => { price => 5, for => [{}] },
    context => { type => 'product', id => '7 a' } };
ask('POST', $message, $offer, as => 'alice');
ask('POST', '/conversations', { members => ['bob'], subject => 'Help', kind => 'ticket', context => $offer->{context},
    content => 'my order', message => { type => 'offer', data => { price => 5 } } }, as => 'alice', key => 't');
ask('GET', $_, undef, as => 'bob') for '/conversations', '/conversations?limit=1', "/conversations/$id",
    $message, "$message?limit=2", "$message?after=1&limit=1", '/unread-count', '/status';
ask('PATCH', "/conversations/$id/read", { seq => 2 }, as => 'bob');
ask('PATCH', "/conversations/$id", { status => 'closed', archived => JSON::PP::true, subject => 'Bicycle' }, as => 'bob');
ask('GET', "/conversations?$_", undef, as => 'bob')
    for 'status=closed&unread=true', 'archived=true', 'context=product:7+a', 'context=product&q=ORDER', 'q=nothing';
ask('POST', "/conversations/$id/typing", $_, as => 'alice') for {}, { typing => JSON::PP::false() };
ask('GET', "/search?q=$_", undef, as => 'bob') for 'order', 'five&limit=1', 'absent';
my $badge = ask('GET', '/unread-count', undef, as => 'bob');
ask('GET', '/unread-count', undef, as => 'bob', headers => { 'If-None-Match' => $badge->{headers}{etag} });
ask('POST', $message, { content => 'from a named one' },
    headers => { Authorization => 'Bearer ' . $t->token('bob', name => 'Bob', role => 'seller') });
ask('GET', "/conversations/$id", undef, as => 'alice');

# A team.
$t->{tokens}{ann} = $t->token('ann', role => 'desk');
ask('POST', '/conversations', { members => ['team:desk'], content => 'to the desk' }, as => 'alice');
ask('POST', '/conversations', { members => ['bob'], as => 'team', content => 'of the desk' }, as => 'ann');
ask('GET', $_, undef, as => 'ann') for '/conversations', '/unread-count';
my $desk = $t->stream('ann', raw => 1);
$desk->event('hello');
push @lines, map { { event => $_->{event}, data => $_->{json} } } $desk->events;
$desk->close;
ask('POST', '/conversations', { members => ['team:none'] }, as => 'alice');
ask('POST', '/conversations', { members => ['bob'], as => 'team' }, as => 'alice');

# Refusals.
my @operations = (['POST', '/conversations', { members => ['bob'] }], ['GET', '/conversations'],
    ['GET', "/conversations/$id"], ['POST', $message, { content => 'x' }], ['GET', $message],
    ['PATCH', "/conversations/$id/read", {}], ['PATCH', "/conversations/$id", { status => 'open' }], ['POST', "/conversations/$id/typing", {}],
    ['GET', '/unread-count'], ['GET', '/search?q=x'],
    ['GET', '/stream']);
for my $operation (@operations) {
    my ($method, $path, $body) = @$operation;
    ask($method, $path, $body);
    ask($method, $path, $body, as => 'eve') if $path =~ /$id/;
    ask($method, $path . ($path =~ /\?/ ? '&' : '?') . 'colour=1', $body, as => 'alice') if $path ne '/stream';
    ask('DELETE', $path, undef, as => 'alice');
    ask($method, $path, $body, as => 'alice', headers => { 'Messaging-User' => $_ }) for 'bob', '%';
    next if !$body;
    ask($method, $path, '{', as => 'alice');
    ask($method, $path, $body, as => 'alice', headers => { 'Content-Type' => 'text/plain' });
    ask($method, $path, '{"content":"' . 'x' x 70_000 . '"}', as => 'alice');
    ask($method, $path, $body, headers => { Cookie => 'session=' . $t->token('alice'),
        'Sec-Fetch-Site' => 'cross-site' });
}
for (1 .. 2) {
    my @limited = (as => 'dora', base => 'http://127.0.0.1:' . $t->port . '/limited');
    ask('POST', '/conversations', { members => ["new $_"] }, @limited);
    ask('POST', $message, { content => 'x' }, @limited);
    ask('POST', "/conversations/$id/typing", {}, @limited);
}
ask('GET', "$_=" . 'x' x 9000, undef, as => 'alice') for '/conversations?q', '/search?q', "$message?before";
ask('GET', '/nowhere', undef, as => 'alice');
ask('GET', '/stream', undef, headers => { Cookie => 'session=' . $t->token('alice'),
    'Sec-Fetch-Site' => 'cross-site' });

# A body that is still to come, in the middle of a stream.
my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port) or die "connect: $!";
print $socket "GET /api/messages/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ", $t->token('alice'),
    "\r\nContent-Length: 9\r\nConnection: close\r\n\r\n";
my $answer = '';
1 while $answer !~ /\}\z/ && sysread $socket, $answer, 4096, length $answer;
my ($status, $head, $body) = $answer =~ m{^HTTP/1\.1 (\d+)[^\n]*\n(.*?)\r\n\r\n(.*)$}s;
push @lines, { method => 'GET', path => '/stream', status => int $status, body => $t->json->decode($body),
    headers => { map { /^([^:]+): (.*?)\r?$/ ? (lc $1 => $2) : () } split /\n/, $head } };
close $socket;

# Without parts of it.
my $here = $t->stream('alice');
$bob->event('presence');
$here->close;
$t->end('worker', 'KILL');
ask(@$_[0 .. 1], $_->[2], as => 'carol') for grep { $_->[1] ne '/stream' } @operations;
$t->wait_for('status', sub { $t->get('/status')->{status} == 503 });
ask('GET', '/status');
$t->start_worker;
$t->wait_ready;
$t->end('redis', 'KILL');
$t->wait_for('redis', sub { $t->get('/unread-count', as => 'carol')->{status} == 503 });
ask(@$_[0 .. 1], $_->[2], as => 'carol') for @operations;
$t->start_redis;
$t->wait_ready;
$bob->event('reset');
my @more = map { $t->stream('bob') } 1 .. 2;
$bob->event('bye');
$more[0]->pump(0.1);

my %types = map { $_->{event} => 1 } $bob->events;
is(join(' ', sort keys %types), 'bye conversation hello message presence read reset typing unread', 'every type of event came');
push @lines, map { { event => $_->{event}, data => $_->{json} } } map { $_->events } $bob, @more;

my $root = $t->root;
my $input = $t->write_file('exchanges', join '', map { $t->json->encode($_) . "\n" } @lines);
my @checker = ('/usr/bin/python3', "$root/t/lib/openapi_check.py", "$root/schema/openapi.yaml");
my $output = `@checker --unused < $input 2>&1`;
is($?, 0, 'the document is OpenAPI that can be read');
my @wrong = grep { !/^unseen/ } split /\n/, $output;
is_deeply(\@wrong, [], scalar(@lines) . ' exchanges and events are as documented');

# A failure of the store or of a command is other tests' part, as is a table full of streams.
my @unseen = grep { !/ 500$|^unseen: stream (200|429)$/ } $output =~ /^(unseen.*)$/mg;
is_deeply(\@unseen, [], 'every documented answer was seen');

open my $file, '<', "$root/schema/problem.cpp" or die $!;
my @codes = sort map { /\{Code::\w+, "(\w+)"/ ? $1 : () } <$file>;
my @documented = sort split /\n/, `@checker --codes`;
is_deeply(\@documented, \@codes, 'every error code is documented, and no other');

$t->finish;
