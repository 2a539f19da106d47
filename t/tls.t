#!/usr/bin/perl

# Over TLS: requests, a parked stream, its end. Then the same in one process without a master.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
my $tls = Test::Messaging::free_port();
system("openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout $t->{dir}/tls.key "
    . "-out $t->{dir}/tls.pem 2>/dev/null") == 0 or die;
my $conf = <<"CONF";
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:$tls ssl;
        ssl_certificate %%DIR%%/tls.pem;
        ssl_certificate_key %%DIR%%/tls.key;
        location /api/messages { messaging; messaging_heartbeat 1s; }
    }
CONF
$t->conf($conf);
$t->run;

my $token = $t->token('bob');
my @curl = ('curl', '-sSN', '--http1.1', '--cacert', "$t->{dir}/tls.pem", '--connect-to', "localhost:443:127.0.0.1:$tls",
    '-H', "Authorization: Bearer $token");
my $url = 'https://localhost/api/messages';
is(`@curl[0 .. $#curl - 1] 'Authorization: Bearer $token' $url/unread-count`, '{"count":0,"conversations":{}}', 'a request');

$t->spawn('stream', [@curl, '-o', "$t->{dir}/stream", "$url/stream"]);
my $read = sub { $t->read_file('stream') };
$t->wait_for('hello', sub { $read->() =~ /event: hello\n/ });
my $id = $t->open_conversation('alice', 'bob');
$t->send_text('alice', $id, "m$_ " . 'x' x 3000) for 1 .. 50;
$t->wait_for('all of them', sub { $read->() =~ /"content":"m50 [^\n]*\n\n/ });
is_deeply([$read->() =~ /^event: message\ndata: [^\n]*"content":"m(\d+) /mg], [1 .. 50], "events, in order");
$t->wait_for('a heartbeat', sub { $read->() =~ /^:$/m });
pass('heartbeats');

kill 'QUIT', $t->pid('nginx');
$t->wait_for('the end of the stream', sub { !$t->alive('stream') });
is($t->{status}{stream}, 0, 'the stream ends properly');
like($read->(), qr/event: bye\n/, 'with bye');

$t->wait_for('the end of nginx', sub { !$t->alive('nginx') });
$t->conf($conf, master => 'off');
$t->start_nginx;
my $bob = $t->stream('bob');
$t->send_text('alice', $id, 'without a master');
is($bob->event('message')->{json}{content}, 'without a master', 'one process serves both');

$t->finish;
