#!/usr/bin/perl

# A sign-in that the site takes back: streams end at once, tokens that were issued before are refused,
# after a reload, a FLUSHALL and a new Redis too; newer tokens and other people are not touched. By the
# worker's command, and by the list that a site writes to.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;
use Time::HiRes qw(time);

my $t = Test::Messaging->new(workers => 2);
$t->conf(<<'CONF', processes => 2);
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging site=shop; }
        location /other/messages { messaging site=other; }
    }
CONF
$t->run;
my $now = int time;

sub bearer { my ($user, %claims) = @_; return (headers => { Authorization => 'Bearer ' . $t->token($user, %claims) }) }

sub status {
    my (%token) = @_;
    delete $t->{http}{$$};    # perhaps another process of nginx
    my $r = $t->get('/unread-count', %token);
    return $r->{status} == 401 ? "401 $r->{json}{code}" : $r->{status};
}

# From every process of nginx.
sub always { my ($want, $what, %token) = @_; is_deeply([map { status(%token) } 1 .. 8], [($want) x 8], $what) }

sub revoke {
    my ($code, $output) = $t->worker_run('revoke', @_);
    is($code, 0, "revoke @_") or diag $output;
    like($output, qr/^revoked until \d{4}-/m, 'says until when');
}

my %old = bearer('alice', iat => $now - 100, sid => 's1');
my %undated = bearer('alice');
my %future = bearer('alice', iat => $now + 600);
my %bob = bearer('bob', iat => $now - 100, sid => 's1');
always(200, 'a token is good', %old);

my $stream = $t->stream('alice', %old);
my $fresh = $t->stream('alice', %future);
my $bobs = $t->stream('bob', %bob);
my $elsewhere = $t->stream('alice', %old, path => '/other/messages/stream');

revoke('alice', '--site', 'shop');
is($stream->event('bye')->{json}{code}, 'revoked', 'an open stream ends at once, and says why');
ok($stream->until_closed, 'is closed');
my $refused = '401 unauthenticated';
always($refused, 'the token is refused', %old);
always($refused, 'one that does not say when it was issued too', %undated);
always(200, 'a newer one is not', %future);
always(200, 'nor another user\'s', %bob);
is($t->get('/unread-count', %old, base => 'http://127.0.0.1:' . $t->port . '/other/messages')->{status}, 200,
    'nor another site\'s');
is($t->get('/stream', %old)->{status}, 401, 'no new stream either');
my $id = $t->open_conversation('bob', 'carol');
$t->send_text('bob', $id, 'news');
ok($bobs->event('message'), 'another\'s stream goes on');
ok(!$_->closed, 'a stream goes on that it is not about') for $fresh, $elsewhere;

# One session.
my %one = bearer('carol', iat => $now - 100, sid => 'c1');
my %two = bearer('carol', iat => $now - 100, sid => 'c2');
my %none = bearer('carol', iat => $now - 100);
my @streams = map { $t->stream('carol', %$_) } \%one, \%two, \%none;
revoke('carol', '--session', 'c1', '--site', 'shop', '--for', '2h');
is($streams[0]->event('bye')->{json}{code}, 'revoked', 'one session\'s stream ends');
always($refused, 'its token is refused', %one);
always(200, 'another session\'s is not', %two);
always(200, 'nor one of no session', %none);
$t->send_text('bob', $id, 'more');
ok($_->event('message'), 'and their streams go on') for @streams[1, 2];

# As a site may do it itself.
my %dora = bearer('dora', iat => $now - 100);
my $doras = $t->stream('dora', %dora);
$t->redis('RPUSH', 'messaging:revoke', 'nonsense', '{"site":"shop","user":7}', '{"site":"shop","user":"bob","x":1}',
    '{"site":"shop","user":"dora","for":3600}');
is($doras->event('bye')->{json}{code}, 'revoked', 'by a line in Redis\'s list');
always($refused, 'refused', %dora);
$t->wait_for('the list', sub { $t->redis('LLEN', 'messaging:revoke') == 0 });
like($t->read_file('worker.log') . $t->read_file('worker2.log'), qr/no revocation: x unknown/,
    'what is no revocation is told in the log');
always(200, 'and does nothing', %bob);

# What it survives.
sub all_stands {
    my ($after) = @_;
    always($refused, "$after: alice's is refused", %old);
    always($refused, "$after: carol's session too", %one);
    always($refused, "$after: dora's too", %dora);
    always(200, "$after: her other one is not", %two);
    always(200, "$after: nor bob's", %bob);
}
$t->reload;
all_stands('a reload');
$t->redis('FLUSHALL');
all_stands('FLUSHALL');
$t->redis('FLUSHALL');
$t->reload;
all_stands('FLUSHALL and a reload');
my $list;
$t->wait_for('the list', sub {
    ($list) = @{ $t->redis('KEYS', 'messaging:revocations:*') };
    $list && $t->redis('HGET', $list, 'complete');
});
pass('workers made the list anew');
$t->end('redis', 'KILL');
$t->wait_for('no Redis', sub { status(%bob) == 503 });
$t->start_redis;
$t->wait_ready;
$t->wait_for('Redis', sub { status(%bob) == 200 });
all_stands('another Redis');

# A Redis without workers: nobody says what is revoked. Tokens wait, and then are taken.
$t->end($_) for 'worker', 'worker2';
$t->redis('FLUSHALL');
$t->end('nginx', 'QUIT');
$t->start_nginx;
is(status(%bob), 503, 'without a list tokens wait');
$t->wait_for('an end of it', sub { status(%bob) != 503 });
like($t->read_file('error.log'), qr/no worker has made the list of revocations/, 'not for ever, which is told');
$t->start_worker;
$t->wait_ready;
$t->wait_for('the list', sub { status(%old) eq $refused });
all_stands('workers that come late');

# What is kept may be garbage.
($list) = @{ $t->redis('KEYS', 'messaging:revocations:*') };
$t->redis('HSET', $list, 'garbage', 'x', "shop\nbob\n", 'garbage', "shop\nbob\n\n", '1 2');
$t->redis('PUBLISH', 'messaging:revoked', $_) for 'garbage', "1 9 8\nshop\nbob\n", '1', "1 9999999999 99999999999\nshop";
$t->reload;
all_stands('garbage');

# What the command refuses.
for my $wrong (['', '--site', 'shop'], ['team:x'], ['alice', '--for', '0d'], ['alice', '--for', 'x'], ['alice', 'bob'], []) {
    my ($code, $output) = $t->worker_run('revoke', @$wrong);
    is($code, 1, "revoke @$wrong: refused") or diag $output;
}
$t->end('redis', 'KILL');
my ($code, $output) = $t->worker_run('revoke', 'erin', '--site', 'shop');
is($code, 1, 'without Redis it is not done');
like($output, qr/stored, but Redis was not told/, 'though stored');
$t->start_redis;
$t->wait_ready;
my %erin = bearer('erin', iat => $now - 100);
$t->wait_for('erin', sub { status(%erin) eq $refused });
pass('and told with the rest');

$t->finish;
