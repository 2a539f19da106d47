#!/usr/bin/perl

# Debian's nchan brings its own hiredis into nginx's one symbol space; ours is not mistaken for it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $nchan = '/usr/lib/nginx/modules/ngx_nchan_module.so';
plan(skip_all => 'nchan is not installed') if !-e $nchan;
my $t = Test::Messaging->new;
plan(skip_all => 'nchan itself has reports under sanitizers') if $t->{asan};
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; }
        location /nchan { nchan_pubsub; nchan_channel_id x; }
    }
CONF
$t->write_file('nginx.conf', "load_module $nchan;\n" . $t->read_file('nginx.conf'));
$t->run;

my $bob = $t->stream('bob');
my $r = $t->post('/conversations', { members => ['bob'], content => 'beside nchan' }, as => 'alice');
is($r->{status}, 201, 'commands work');
is($bob->event('message')->{json}{content}, 'beside nchan', 'and streams');
my $base = 'http://127.0.0.1:' . $t->port . '/nchan';
like($t->post('', 'to nchan', base => $base)->{status}, qr/^20/, 'and nchan');
$t->end('redis', 'KILL');
$t->start_redis;
$t->wait_ready;
$bob->event('reset');
pass('and the way back to Redis');

$t->finish;
