#!/usr/bin/perl

# Bad input: a 4xx problem that names the field; nothing is stored.

use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Encode qw(encode_utf8);
use JSON::PP ();
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;
my $id = $t->open_conversation('alice', 'bob');
my $messages = "/conversations/$id/messages";

sub refused {
    my ($what, $r, $status, $code, $field) = @_;
    is("$r->{status} " . ($r->{json}{code} // '-') . ' ' . ($r->{json}{field} // '-'),
        "$status $code " . ($field // '-'), $what);
    is($r->{headers}{'content-type'}, 'application/problem+json', "$what: a problem");
}

my $send = sub { $t->post($messages, $_[0], as => 'alice', %{ $_[1] || {} }) };

refused('no JSON', $send->('hello'), 400, 'invalid_json');
refused('empty body', $send->(''), 400, 'invalid_json');
refused('no object', $send->('[]'), 400, 'invalid_json');
refused('two values', $send->('{} {}'), 400, 'invalid_json');
refused('duplicate key', $send->('{"content":"a","content":"b"}'), 400, 'invalid_json', 'content');
refused('depth 17', $send->('{"content":' . '[' x 17 . ']' x 17 . '}'), 400, 'invalid_json');
refused('NUL', $send->('{"content":"a\u0000b"}'), 400, 'invalid_json');
refused('bad UTF-8', $send->("{\"content\":\"\xff\"}"), 400, 'invalid_json');
refused('lone surrogate', $send->('{"content":"\ud800"}'), 400, 'invalid_json');
refused('missing field', $send->('{}'), 400, 'missing_field', 'content');
refused('unknown field', $send->('{"content":"a","colour":1}'), 400, 'unknown_field', 'colour');
refused('wrong type', $send->('{"content":5}'), 400, 'invalid_field', 'content');
refused('empty', $send->({ content => '' }), 400, 'invalid_field', 'content');
refused('blank', $send->({ content => " \n\t\x{2003}" }), 400, 'invalid_field', 'content');
refused('10,001 characters', $send->({ content => 'é' x 10001 }), 400, 'invalid_field', 'content');
refused('no JSON type', $send->('a=b', { headers => { 'Content-Type' => 'text/plain' } }),
    415, 'unsupported_media_type');
refused('a form', $send->('content=b',
    { headers => { 'Content-Type' => 'application/x-www-form-urlencoded' } }),
    415, 'unsupported_media_type');
refused('over 64 KiB', $send->('{"content":"' . 'a' x 66000 . '"}'), 413, 'body_too_large');
my @pieces = ('{"content":"', ('a' x 1000) x 70, '"}');
refused('over 64 KiB in chunks', $t->request('POST', $messages, sub { shift @pieces },
    as => 'alice', headers => { 'Content-Type' => 'application/json' }), 413, 'body_too_large');

is($send->({ content => '𝄞' x 10000 })->{status}, 201, '10,000 characters of four bytes pass');
my $hostile = "</script><b>&\x{2028}\r\n\nevent: bye\ndata: {}\n\n";
my $bob = $t->stream('bob');
is($send->({ content => "x$hostile.y" })->{status}, 201, 'hostile content is content');
my $event = $bob->event('message');
is($event->{json}{content}, "x$hostile.y", 'and arrives as it was');
unlike($event->{data}, qr/[<>&]|\x{e2}\x{80}\x{a8}/, 'escaped for HTML');
is(scalar(grep { $_->{event} eq 'bye' } $bob->events), 0, 'no event was forged');

my %hi = (content => 'hi');
my $deep = '{"a":' x 8 . '{}' . '}' x 8;
my %bad = (
    'context'      => [undef, 'product', {}, { type => 'a' }, { type => 'a', id => 'b', c => 'd' }],
    'context.type' => [{ type => '', id => 'b' }, { type => 'a b', id => 'b' }, { type => 'x' x 65, id => 'b' }],
    'context.id'   => [{ type => 'a', id => '' }, { type => 'a', id => 7 }, { type => 'a', id => 'x' x 129 }],
    'type'         => [undef, '', 'a b', [], 'x' x 65],
    'data'         => [undef, 'a', [], { a => 'x' x 8190 }],
);
for my $field (sort keys %bad) {
    my ($name) = split /\./, $field;
    refused("$field: " . substr($t->json->encode([$_]), 0, 40), $send->({ %hi, $name => $_ }), 400, 'invalid_field',
        $field) for @{ $bad{$field} };
}
refused('data too deep', $send->("{\"content\":\"hi\",\"data\":$deep}"), 400, 'invalid_field', 'data');
refused('data with a double name', $send->('{"content":"hi","data":{"a":1,"a":1}}'), 400, 'invalid_json', 'a');

my $start = sub { $t->post('/conversations', $_[0], as => 'alice') };
refused('nobody', $start->({ members => [] }), 400, 'invalid_field', 'members');
refused('oneself alone', $start->({ members => ['alice'] }), 400, 'invalid_field', 'members');
refused('no members', $start->({}), 400, 'missing_field', 'members');
refused('members no list', $start->({ members => 'bob' }), 400, 'invalid_field', 'members');
refused('a long id', $start->({ members => ['x' x 129] }), 400, 'invalid_field', 'members');
refused('an id with a control', $start->({ members => ["a\nb"] }), 400, 'invalid_field', 'members');
refused('too many', $start->({ members => [map { "u$_" } 1 .. 60] }), 400, 'invalid_field', 'members');
refused("subject $_->[0]", $start->({ members => ['bob'], subject => $_->[1] }), 400, 'invalid_field', 'subject')
    for ['empty', ''], ['blank', ' '], ['long', 'x' x 201], ['of two lines', "a\nb"], ['no text', 7];
refused('kind', $start->({ members => ['bob'], kind => 'group' }), 400, 'invalid_field', 'kind');
is($start->({ members => ['x' x 128] })->{status}, 201, '128 characters pass');
is($start->({ members => [encode_utf8('Zoë $a.b"{}')] })->{status}, 201, 'so do odd ones');

my $read = sub { $t->patch("/conversations/$id/read", $_[0], as => 'alice') };
refused('a negative seq', $read->('{"seq":-1}'), 400, 'invalid_field', 'seq');
refused('a seq of 2^60', $read->('{"seq":1152921504606846976}'), 400, 'invalid_field', 'seq');
refused('a seq with a point', $read->('{"seq":1.5}'), 400, 'invalid_field', 'seq');
is($read->('{"seq":999999}')->{json}{readSeq}, 2, 'a seq past the end is the end');

my $change = sub { $t->patch("/conversations/$id", $_[0], as => 'alice') };
refused('no change', $change->({}), 400, 'missing_field', 'status');
refused('another member', $change->({ kind => 'ticket' }), 400, 'unknown_field', 'kind');
refused("status $_->[0]", $change->({ status => $_->[1] }), 400, 'invalid_field', 'status')
    for ['shut', 'shut'], ['null', undef], ['true', JSON::PP::true];
refused('archived no boolean', $change->({ archived => 'true' }), 400, 'invalid_field', 'archived');
refused('an empty subject', $change->({ subject => '' }), 400, 'invalid_field', 'subject');

my $get = sub { $t->get($_[0], as => 'alice') };
refused('limit 0', $get->("$messages?limit=0"), 400, 'invalid_field', 'limit');
refused('limit 201', $get->("$messages?limit=201"), 400, 'invalid_field', 'limit');
refused('limit x', $get->("$messages?limit=x"), 400, 'invalid_field', 'limit');
refused('both bounds', $get->("$messages?before=5&after=1"), 400, 'invalid_field', 'after');
refused('unknown parameter', $get->("$messages?colour=1"), 400, 'unknown_field', 'colour');
refused('a parameter twice', $get->("$messages?limit=1&limit=2"), 400, 'invalid_field', 'limit');
refused("list: $_->[0]=$_->[1]", $get->("/conversations?$_->[0]=$_->[1]"), 400, 'invalid_field', $_->[0])
    for ['status', 'shut'], ['unread', '1'], ['archived', ''], ['context', 'a+b'], ['context', 'product:'],
    ['q', '+'], ['q', 'x' x 201];
refused('a bad cursor', $get->('/conversations?cursor=garbage'), 400, 'invalid_cursor', 'cursor');

refused('no such path', $get->('/nothing'), 404, 'not_found');
refused('a path below', $get->("/conversations/$id/messages/1"), 404, 'not_found');
my $r = $t->request('DELETE', $messages, undef, as => 'alice');
refused('no such method', $r, 405, 'method_not_allowed');
is($r->{headers}{allow}, 'GET, HEAD, POST', 'Allow says which');
refused('an id of 129', $get->('/conversations/' . 'x' x 129), 404, 'not_found');

is($t->get($messages, as => 'bob')->{json}{messages}[-1]{seq}, 2, 'nothing refused was stored');
is($t->request('HEAD', '/unread-count', undef, as => 'alice')->{status}, 200, 'HEAD where GET is');

$t->finish;
