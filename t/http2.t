#!/usr/bin/perl

# The same over HTTP/2: requests, streams, resume, reload.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
plan(skip_all => 'curl without HTTP/2') if `curl --version` !~ /HTTP2/;
my $h2 = Test::Messaging::free_port();
$t->conf(<<"CONF");
    messaging_drain_time 2s;
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:$h2 http2;
        location /api/messages { messaging; messaging_heartbeat 1s; }
    }
CONF
$t->run;
my $url = "http://127.0.0.1:$h2/api/messages";

sub curl {
    my ($user, @arguments) = @_;
    return ('curl', '-sSN', '--http2-prior-knowledge', '-H', 'Authorization: Bearer ' . $t->token($user), @arguments);
}

sub ask {
    my ($user, $path, @arguments) = @_;
    open my $out, '-|', curl($user, "$url$path", '-w', '\n%{http_version} %{http_code}', @arguments) or die;
    local $/;
    my ($body, $version, $status) = <$out> =~ /^(.*)\n(\S+) (\d+)$/s;
    return ($version, $status, eval { $t->json->decode($body) });
}

my ($version, $status, $json) = ask('alice', '/conversations', '-H', 'Content-Type: application/json',
    '-d', '{"members":["bob"],"content":"over two"}');
is("$version $status", '2 201', 'a request over HTTP/2');
my $id = $json->{conversation}{id};

my $stream = $t->dir . '/stream';
$t->spawn('h2stream', [curl('bob', "$url/stream", '-D', "$stream.head", '-o', $stream)]);
my $read = sub { $t->read_file('stream') };
$t->wait_for('hello', sub { $read->() =~ /event: hello\n/ });
like($t->read_file('stream.head'), qr{^HTTP/2 200}, 'a stream over HTTP/2');
$t->send_text('alice', $id, "m$_") for 1 .. 50;
$t->wait_for('all messages', sub { $read->() =~ /"content":"m50"/ });
is_deeply([$read->() =~ /"content":"m(\d+)"/g], [1 .. 50], 'all of them in order');
$t->wait_for('a heartbeat', sub { $read->() =~ /^:$/m });
pass('heartbeats');

my $old = $t->reload;
$t->wait_for('bye', sub { $read->() =~ /event: bye\n/ });
$t->wait_for('the end of the stream', sub { !$t->alive('h2stream') });
is($t->{status}{h2stream}, 0, 'a reload ends it properly');
$t->wait_for('the end of the old process', sub { !grep { -e "/proc/$_" } @$old });

my ($last) = $read->() =~ /.*^id: (\S+)$/ms;
$t->send_text('alice', $id, 'meanwhile');
$t->spawn('h2again', [curl('bob', "$url/stream", '-o', "$stream.2", '-H', "Last-Event-ID: $last")]);
$t->wait_for('the missed one', sub { $t->read_file('stream.2') =~ /meanwhile/ });
like($t->read_file('stream.2'), qr/"resumed":true/, 'it resumes');
$t->end('h2again', 'KILL');
$t->wait_for('its end', sub { $t->read_file('error.log') =~ /stream of .* ended/ });
pass('a client that is gone is noticed');

$t->finish;
