#!/usr/bin/perl

# The module loads into Debian's nginx and, where no location uses it, does nothing at all:
# no socket, no timer, no message; nginx starts and reloads whether Redis is there or not.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF', bare => 1);
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { return 200 plain; }
    }
CONF
my ($code, $output) = $t->nginx_test;
is($code, 0, 'nginx -t accepts it') or diag $output;
$t->start_nginx;
is($t->get('/x')->{content}, 'plain', 'nginx serves as without it');

$t->wait_for('its worker process', sub { $t->nginx_workers });
my ($worker) = $t->nginx_workers;
my @sockets = grep { (readlink($_) // '') =~ /^socket/ } glob "/proc/$worker/fd/*";
my $unloaded = Test::Messaging->new;
$unloaded->conf(<<'CONF', bare => 1);
    server { listen 127.0.0.1:%%PORT%%; location / { return 200 plain; } }
CONF
my $conf = $unloaded->read_file('nginx.conf') =~ s/^load_module.*$//mr;
$unloaded->write_file('nginx.conf', $conf);
$unloaded->start_nginx;
$unloaded->get('/x');
my ($other) = $unloaded->nginx_workers;
my @without = grep { (readlink($_) // '') =~ /^socket/ } glob "/proc/$other/fd/*";
is(scalar @sockets, scalar @without, 'no socket more than nginx without it');
$unloaded->stop;

# Used, but Redis is not there: nginx starts, and says so to each caller at once.
$t->stop;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; }
        location /plain { return 200 plain; }
    }
CONF
($code, $output) = $t->nginx_test;
is($code, 0, 'nginx -t never asks Redis') or diag $output;
$t->start_nginx;
is($t->get('', base => 'http://127.0.0.1:' . $t->port . '/plain')->{status}, 200,
    'other locations work');
my $r = $t->get('/unread-count', as => 'alice');
is("$r->{status} $r->{json}{code}", '503 redis_unavailable', 'a caller gets 503 at once');
ok($r->{headers}{'retry-after'}, 'with Retry-After');
is($t->get('/status')->{json}{parts}{redis}, 'down', 'status says so');
$t->start_redis;
$t->start_worker;
$t->wait_ready;
is($t->get('/unread-count', as => 'alice')->{status}, 200, 'and when it comes, all works');

for my $symbols (`nm -D --defined-only $t->{build}/nginx/ngx_http_messaging_module.so`) {
    like($symbols, qr/ ngx_module|ngx_http_messaging_module/, 'nothing else is exported')
        if !$t->{asan};
}
like(`ldd $t->{build}/nginx/ngx_http_messaging_module.so`, qr/^(?!.*(hiredis|yajl|cjose))/s,
    "no library that another module could bring in another version");

$t->finish;
