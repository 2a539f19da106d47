#!/usr/bin/perl

# Search: in one's own conversations only, whatever case and accents, newest first, page by page; a
# message is found as soon as it is sent, and still when its worker died over the index.

use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Encode qw(encode_utf8);
use Test::More;
use Test::Messaging;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);
my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; }
        location /other { messaging site=other; }
    }
CONF
$t->run;

sub find_page {
    my ($who, $q, %options) = @_;
    my $query = join '&', map { "$_=$options{$_}" } grep { $_ ne 'base' } sort keys %options;
    my $text = encode_utf8($q) =~ s/([^A-Za-z0-9])/sprintf '%%%02x', ord $1/ger;
    my @base = $options{base} ? (base => $options{base}) : ();
    return $t->get("/search?q=$text" . ($query && "&$query"), as => $who, @base);
}

sub found {
    my ($who, $q, %options) = @_;
    return join ', ', map { $_->{content} } @{ find_page($who, $q, %options)->{json}{messages} };
}

my $id = $t->open_conversation('alice', 'bob');
my $group = $t->open_conversation('alice', 'bob', 'carol');
is($t->send_text('alice', $id, 'Le Château de Chambord')->{status}, 201, 'sent');
is(found('bob', 'chateau'), 'Le Château de Chambord', 'found at once, without its accent');
$t->send_text('bob', $group, 'CHATEAU, or castle?');
my $r = find_page('alice', 'château');
is(join('|', map { $_->{content} } @{ $r->{json}{messages} }), 'CHATEAU, or castle?|Le Château de Chambord',
    'newest first, with an accent too');
is($r->{json}{messages}[0]{conversationId}, $group, 'a message as everywhere');
is_deeply([sort keys %{ $r->{json}{messages}[0] }],
    [sort keys %{ $t->get("/conversations/$group/messages", as => 'alice')->{json}{messages}[0] }], 'with all of it');
is($r->{json}{nextCursor}, undef, 'one page');

is(found('carol', 'chateau'), 'CHATEAU, or castle?', 'of her conversations only');
is(found('eve', 'chateau'), '', 'a stranger finds nothing');
is(found('alice', 'chateau', base => 'http://127.0.0.1:' . $t->port . '/other'), '', 'nor does another site');
is($t->get('/search?q=chateau')->{status}, 401, 'nor who is not signed in');

is(found('alice', 'chateau chambord'), 'Le Château de Chambord', 'every word');
is(found('alice', 'chambord chat'), 'Le Château de Chambord', 'the last one begun');
is(found('alice', 'chambord castle'), '', 'not some of them');
is(found('alice', $_), 'CHATEAU, or castle?', "$_: is no syntax")
    for '"castle', "castle'", 'castle*', '-castle', 'castle) OR (', '{castle}', '^castle';
is(found('alice', '*'), '', 'no word at all');
is(found('alice', $_), '', "$_: words like any") for 'castle OR chambord', 'castle NOT chambord', 'NEAR(castle)', '$where', '_1';

for my $bad ('', 'q=', 'q=+', 'q=' . 'x' x 201, 'q=a&limit=0', 'q=a&colour=1') {
    my $r = $t->get("/search?$bad", as => 'alice');
    is($r->{status}, 400, "'" . substr($bad, 0, 20) . "' is refused");
    like($r->{json}{field}, qr/^(q|limit|colour)$/, 'by name');
}
is($t->get("/search?q=a&cursor=$_", as => 'alice')->{json}{code}, 'invalid_cursor', "cursor $_")
    for 'garbage', '-1', "1'", '999999999999999999999';
is($t->request('POST', '/search?q=a', {}, as => 'alice')->{status}, 405, 'it is read only');

# Pages, while messages come and the index is made.
$t->send_text($_ % 2 ? 'alice' : 'bob', $_ % 3 ? $id : $group, "page $_") for 1 .. 30;
my (@pages, $cursor);
do {
    my $r = find_page('alice', 'page', limit => 7, $cursor ? (cursor => $cursor) : ());
    push @pages, map { $_->{content} } @{ $r->{json}{messages} };
    $cursor = $r->{json}{nextCursor};
    $t->send_text('bob', $id, 'another page') if @pages == 7;
} while ($cursor && @pages < 100);
is(join(' ', @pages), join(' ', map { "page $_" } reverse 1 .. 30), 'page by page, none twice, none left out');

# What is unread is marked so.
$t->patch("/conversations/$group/read", {}, as => 'carol');
is(find_page('carol', 'castle')->{json}{messages}[0]{read}, JSON::PP::true(), 'read by oneself');
is(find_page('bob', 'castle')->{json}{messages}[0]{read}, JSON::PP::false(), 'not by all');

# A worker that dies in the middle of it, and the next one.
$t->end('worker', 'KILL');
$t->start_worker('worker', MESSAGING_CRASH_AT => 'while-indexing');
$t->wait_ready;
$t->send_text('alice', $id, 'before the crash', key => 'crash');
$t->wait_for('the crash', sub { !$t->alive('worker') });
$t->start_worker;
$t->wait_ready;
$t->send_text('alice', $id, 'before the crash', key => 'crash');
is(found('bob', 'crash'), 'before the crash', 'found once');

# Two of them on one database.
$t->start_worker('second');
$t->wait_ready;
$t->send_text('alice', $id, "shared $_") for 1 .. 20;
is(scalar(my @all = split /, /, found('bob', 'shared')), 20, 'found with two workers');
$t->end('worker');
$t->send_text('alice', $id, "shared $_") for 21 .. 25;
is(scalar(@all = split /, /, found('bob', 'shared')), 25, 'and with the other one');

$t->finish;
