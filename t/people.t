#!/usr/bin/perl

# `messaging-worker people`: names that a site knows, from a file; all of it or nothing.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;

sub people {
    my ($text, @options) = @_;
    my $file = $t->write_file('people.jsonl', $text);
    return $t->worker_run('people', $file, '--site', 'default', @options);
}

my ($code, $output) = people(<<'PEOPLE');
{"id": "bob", "role": "seller", "name": "Bob Büchner"}

{"id":"carol"}
{"name":"Dora \"D\" Döll","id":"dora"}
PEOPLE
is($code, 0, 'a file of three people') or diag $output;
like($output, qr/^3 new, 0 changed, 0 unchanged$/m, 'is counted');
my $id = $t->open_conversation('alice', 'bob');
my $seen = sub {
    my ($member) = grep { $_->{id} eq 'bob' } @{ $t->get("/conversations/$id", as => 'alice')->{json}{members} };
    return join ' ', map { $_ // 'null' } @$member{qw(role name)};
};
is($seen->(), "seller Bob B\x{fc}chner", 'a name of somebody who never signed in');

($code, $output) = people(qq({"id":"bob","name":"Robert"}\n{"id":"carol"}\n));
is($code, 0, 'again');
like($output, qr/^0 new, 1 changed, 1 unchanged$/m, 'only what differs is written');
is($seen->(), 'seller Robert', 'what a line leaves out stays');

($code, $output) = people(qq({"id":"bob","name":"X"}\n{"id":""}\nno\n{"id":"a","age":3}\n{"role":"r"}\n[]\n)
    . qq({"id":"team:x"}\n{"id":"b","name":5}\n) . ('x' x 9000) . qq(\n{"id":"last","name":"\xff"}));
is($code, 1, 'a file with wrong lines');
like($output, qr/people\.jsonl:$_: /, "names line $_") for 2 .. 10;
unlike($output, qr/people\.jsonl:1: /, 'and no right one');
like($output, qr/9 wrong lines; nothing was stored/, 'and says so');
is($seen->(), 'seller Robert', 'nothing of it was stored');

is(($t->worker_run('people', $t->dir . '/none', '--site', 'default'))[0], 2, 'no such file');
is(($t->worker_run('people', $t->dir . '/none', '--site', 'A b'))[0], 2, 'no such site');
is(($t->worker_run('people', $t->dir . '/none'))[0], 2, 'no site');

# More than one batch.
($code, $output) = people(join '', map { qq({"id":"many$_","name":"Name $_"}\n) } 1 .. 1234);
like($output, qr/^1234 new, 0 changed/m, 'many');

# Who signs in has another name then.
my $as = { headers => { Authorization => 'Bearer ' . $t->token('bob', name => 'Bobby', role => 'seller') } };
is($t->post("/conversations/$id/messages", { content => 'hi' }, %$as)->{status}, 201, 'bob signs in');
$t->wait_for('the name', sub { $seen->() eq 'seller Bobby' });
pass('a later name by sign-in wins');

$t->finish;
