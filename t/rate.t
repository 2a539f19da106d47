#!/usr/bin/perl

# messaging_rate: how often one user may send and open conversations, whichever process they come to;
# what refused is told, what is not counted, and that it costs nobody else anything.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF', processes => 3);
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; }
        location /defaults { messaging; messaging_rate send=60/m; }
        location /limited { messaging; messaging_rate send=6/h start=3/d; }
        location /asks { messaging; messaging_rate send=1/m; }
        location /quick { messaging; messaging_rate send=2/s start=off; }
    }
CONF
$t->run;
my $base = 'http://127.0.0.1:' . $t->port;
my %limited = (base => "$base/limited");
my $id = $t->open_conversation('alice', 'bob');
$t->send_text('alice', $id, "unlimited $_") for 1 .. 20;
is_deeply($t->redis('KEYS', '*rate*'), [], 'what is off leaves nothing in Redis');

sub connection { delete $t->{http}{$$}; return }    # perhaps to another process of nginx

# Sends.
my (%seen, $refused);
for my $try (1 .. 30) {
    connection();
    my $r = $t->send_text('alice', $id, "limited $try", %limited);
    $seen{ $r->{status} }++;
    $refused = $r if $r->{status} == 429;
}
is($seen{201} + $seen{429}, 30, 'sent or refused');
cmp_ok($seen{201}, '>=', 6, 'six are let through');
cmp_ok($seen{201}, '<=', 8, 'and at most one more by each other process, before it hears');
is($refused->{json}{code}, 'rate_limited', 'the others are refused by name');
ok($refused->{json}{retryable}, 'for a while');
my $wait = $refused->{headers}{'retry-after'};
cmp_ok($wait, '>', 500, 'and told how long');
cmp_ok($wait, '<=', 3600, 'which is the rate\'s own time');
is(@{ $t->get("/conversations/$id/messages", as => 'alice')->{json}{messages} }, 20 + $seen{201},
    'what was refused is not stored');
is($t->send_text('alice', $id, '', %limited)->{status}, 400, 'what is not valid is not counted, but refused as such');
is($t->get('/conversations', as => 'alice', %limited)->{status}, 200, 'reading goes on');
is($t->send_text('bob', $id, 'me', %limited)->{status}, 201, 'others send');
is($t->send_text('alice', $id, 'again')->{status}, 201, 'a location where it is off');
my ($key) = grep { /send$/ && $t->redis('PTTL', $_) > 1_000_000 } @{ $t->redis('KEYS', '*rate:send') };
ok($key, 'its key expires with it');
cmp_ok($t->redis('PTTL', $key), '<=', 7_200_000, 'at twice its period at the latest');

# One that asks Redis first, always: exact, across processes.
my @exact = map { connection(); $t->send_text('carol', $id, "x $_", base => "$base/asks")->{status} } 1 .. 6;
is_deeply(\@exact, [404, (429) x 5], 'asked first: exactly one, though the worker refused it');
is($t->redis('DEL', grep { $t->redis('PTTL', $_) <= 60_000 } @{ $t->redis('KEYS', '*rate:send') }), 1, 'forgotten');

# Repeats count as sends do.
my @repeats = map { $t->send_text('bob', $id, 'same', key => 'k', %limited)->{status} } 1 .. 12;
is(scalar(grep { $_ == 429 } @repeats) >= 4, 1, "a repeat is a send: @repeats");

# Conversations: new ones only.
my @again = map { connection(); $t->post('/conversations', { members => ['erin'] }, as => 'frank', %limited)->{status} }
    1 .. 12;
is_deeply(\@again, [201, (200) x 11], 'one that is there already is not counted');
my @new = map { connection(); $t->post('/conversations', { members => ["n$_"] }, as => 'frank', %limited)->{status} }
    1 .. 9;
my $made = grep { $_ == 201 } @new;
cmp_ok($made, '>=', 2, "new ones are: @new");
cmp_ok($made, '<=', 4, 'and refused past the rate');
my @said = map { $t->post('/conversations', { members => ['greg'], content => "c $_" }, as => 'harry', %limited)->{status} }
    1 .. 12;
cmp_ok(scalar(grep { /^20/ } @said), '<=', 8, "a start that says something is a send: @said");

# It is refilled.
my $quick = sub { $t->send_text('ivy', $t->{ivy}, 'q', base => "$base/quick")->{status} };
$t->{ivy} = $t->open_conversation('ivy', 'bob');
$t->wait_for('a refusal', sub { $quick->() == 429 });
$t->wait_for('a refill', sub { $quick->() == 201 });
pass('who waits may again');

# Redis gone: what a send without rates says.
$t->end('redis', 'KILL');
$t->wait_for('no Redis', sub { $t->get('/unread-count', as => 'bob')->{status} == 503 });
is($t->send_text('jane', $id, 'x', base => "$base/$_")->{status}, 503, "$_ without Redis: 503") for qw(limited asks);
$t->start_redis;
$t->wait_ready;
$t->wait_for('Redis', sub { connection(); $t->send_text('alice', $id, 'back', %limited)->{status} == 201 });
pass('a Redis that comes back empty has forgotten');

# Garbage where a bucket should be.
my $jane = $t->open_conversation('jane', 'bob');
$t->send_text('jane', $jane, 'x', base => "$base/asks");
($key) = grep { $t->redis('PTTL', $_) <= 60_000 } @{ $t->redis('KEYS', '*rate:send') };
$t->redis('SET', $key, 'garbage');
connection() for 1 .. 3;
isnt($t->send_text('jane', $jane, 'y', base => "$base/asks")->{status}, 500, 'garbage is no bucket');
$t->redis('DEL', $key);
$t->redis('LPUSH', $key, 'garbage');
is($t->send_text('kate', $jane, 'y', base => "$base/asks")->{status}, 404, 'another key\'s type is another user\'s trouble');

$t->stop;
for my $wrong ('', '1/s', 'send=0/s', 'send=1/w', 'send=', 'send=x', 'send=1', 'off send=1/s', 'read=1/s') {
    $t->conf("messaging_rate $wrong; server { listen 127.0.0.1:%%PORT%%; location / { messaging; } }", bare => 1);
    my ($code, $output) = $t->nginx_test;
    isnt($code, 0, "messaging_rate $wrong: refused");
    like($output, qr/messaging_rate/, 'and named');
}

$t->expect_alert(qr/\[emerg\]/);
$t->finish;
