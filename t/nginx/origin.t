#!/usr/bin/perl

# An unsafe method with a cookie must come from the same origin; with a bearer token, from
# anywhere (no other origin can make a browser send that).

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;
my $token = $t->token('alice');
my $port = $t->port;

sub send_with {
    my (%headers) = @_;
    my $r = $t->post('/conversations', { members => ['bob'] },
        headers => { Cookie => "session=$token", %headers });
    return "$r->{status} " . ($r->{json}{code} // 'ok');
}

my $refused = '403 forbidden_origin';
is(send_with('Sec-Fetch-Site' => 'same-origin'), '201 ok', 'same-origin');
is(send_with('Sec-Fetch-Site' => 'none'), '200 ok', 'none: typed by the user');
is(send_with('Sec-Fetch-Site' => 'same-site'), $refused, 'same-site is another origin');
is(send_with('Sec-Fetch-Site' => 'cross-site'), $refused, 'cross-site');
is(send_with('Sec-Fetch-Site' => 'cross-site', Origin => "http://127.0.0.1:$port"), $refused,
    'Sec-Fetch-Site decides first');
is(send_with(Origin => "http://127.0.0.1:$port"), '200 ok', "Origin is the host's");
is(send_with(Origin => 'https://evil.example'), $refused, 'another');
is(send_with(Origin => "http://127.0.0.1:1"), $refused, 'another port');
is(send_with(Origin => 'null'), $refused, 'null');
is(send_with(), '200 ok', 'neither: application/json suffices, a form cannot send it');
my $r = $t->post('/conversations', 'members=bob', headers => { Cookie => "session=$token",
    'Content-Type' => 'application/x-www-form-urlencoded' });
like($r->{status}, qr/^(403|415)$/, 'a form is refused');
is(send_with(Authorization => "Bearer $token", 'Sec-Fetch-Site' => 'cross-site'), '200 ok',
    'a bearer token from anywhere');
is($t->get('/conversations', headers => { Cookie => "session=$token",
    'Sec-Fetch-Site' => 'cross-site' })->{status}, 200, 'a safe method is not refused');

# What stores nothing is guarded too where others hear of it.
my $id = $t->post('/conversations', { members => ['bob'] }, as => 'alice')->{json}{conversation}{id};
is($t->request('POST', "/conversations/$id/typing", undef, headers => { Cookie => "session=$token",
    'Sec-Fetch-Site' => $_->[0] })->{status}, $_->[1], "typing from $_->[0]")
    for ['cross-site', 403], ['same-origin', 204];

$t->finish;
