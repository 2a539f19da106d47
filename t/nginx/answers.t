#!/usr/bin/perl

# What every answer carries: no cache keeps it, error_page never replaces it, the access log's
# variables tell about it, logs hold no token and no text.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    log_format messaging '$request_method $status user=$messaging_user site=$messaging_site '
        'operation=$messaging_operation code=$messaging_code time=$messaging_time';
    gzip on;
    gzip_types *;
    gzip_min_length 1;
    error_page 400 401 403 404 405 413 415 422 500 503 504 /replaced;
    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%DIR%%/access.log messaging;
        location /api/messages { messaging site=shop; }
        location /replaced { return 200 replaced; }
    }
CONF
$t->run;

my $id = $t->open_conversation('alice', 'bob');
my %want = (
    'a sent message' => [201, $t->send_text('alice', $id, 'a very secret text')],
    'a list'         => [200, $t->get('/conversations', as => 'alice')],
    'not signed in'  => [401, $t->get('/conversations')],
    'not found'      => [404, $t->get('/conversations/none', as => 'alice')],
    'no such path'   => [404, $t->get('/none', as => 'alice')],
    'wrong method'   => [405, $t->request('PUT', '/conversations', '{}', as => 'alice')],
    'bad input'      => [400, $t->send_text('alice', $id, '')],
    'wrong type'     => [415, $t->post('/conversations', 'x', as => 'alice',
        headers => { 'Content-Type' => 'text/plain' })],
);
for my $what (sort keys %want) {
    my ($status, $r) = @{ $want{$what} };
    is($r->{status}, $status, "$what: $status");
    isnt($r->{content}, 'replaced', "$what: not replaced by error_page");
    is($r->{headers}{'cache-control'}, 'private, no-store', "$what: kept by no cache");
    is($r->{headers}{'x-content-type-options'}, 'nosniff', "$what: nosniff");
    is($r->{headers}{'content-type'},
        $status < 300 ? 'application/json' : 'application/problem+json', "$what: its type");
    next if $status < 300;
    is($r->{json}{status}, $status, "$what: the problem says its status");
    ok(length $r->{json}{error}, "$what: and a sentence for people");
    ok(defined $r->{json}{retryable}, "$what: and whether a repeat can help");
}

my $stream = $t->stream('alice', headers => { 'Accept-Encoding' => 'gzip' });
like($stream->head, qr{^Content-Type: text/event-stream\r$}m, "a stream's type");
like($stream->head, qr/^Cache-Control: no-cache, no-transform\r$/m, 'its cache rule');
like($stream->head, qr/^X-Accel-Buffering: no\r$/m, 'no proxy may buffer it');
unlike($stream->head, qr/Content-Encoding/i, 'it is never compressed');
ok($stream->retry, 'it says when to come back');
$stream->close;

my $r = $t->get('/unread-count', as => 'alice');
ok($r->{headers}{etag}, 'the badge has an ETag');
is($t->get('/unread-count', as => 'alice',
    headers => { 'If-None-Match' => $r->{headers}{etag} })->{status}, 304, 'and knows it again');
$t->send_text('bob', $id, 'one more');
is($t->get('/unread-count', as => 'alice',
    headers => { 'If-None-Match' => $r->{headers}{etag} })->{status}, 200, 'until it changes');

$t->wait_for('the access log', sub { $t->read_file('access.log') =~ /operation=unread-count/ });
my $log = $t->read_file('access.log');
like($log, qr/^POST 201 user=alice site=shop operation=send code=ok time=\d+\.\d{3}$/m, 'a send');
like($log, qr/^GET 401 user=- site=shop operation=list code=unauthenticated /m, 'a refusal');
like($log, qr/code=not_found/, 'another');
like($log, qr/operation=stream code=ok/, 'a stream');

$t->stop;
for my $name (map { s{.*/}{}r } glob $t->dir . '/*.log') {
    unlike($t->read_file($name), qr/secret text|eyJ/, "$name: no message text, no token");
}
$t->finish;
