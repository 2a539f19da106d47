#!/usr/bin/perl

# Pages of other origins that the site lists, and of no other, may use the API: preflights, what
# every answer tells the browser, and the check of cookies; behind auth_request too.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    messaging_origins https://outer.example;
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_origins https://app.example HTTP://Localhost:3000 https://b.example:443;
        location /api/messages { messaging; messaging_streams_per_user 1; }
        location /closed { messaging; messaging_origins off; }
        location /variables {
            messaging;
            messaging_identity $shop_user;
            auth_request /whoami;
            auth_request_set $shop_user $upstream_http_x_user;
        }
        location = /whoami { internal; proxy_pass http://127.0.0.1:%%PORT%%/user;
            proxy_pass_request_body off; proxy_set_header Content-Length ""; }
        location = /user {
            if ($http_x_secret != sesame) { return 401; }
            add_header X-User alice;
            return 204;
        }
    }
CONF
$t->run;
my $base = 'http://127.0.0.1:' . $t->port;
my $id = $t->open_conversation('alice', 'bob');
my $cookie = 'session=' . $t->token('alice');
my $app = 'https://app.example';

sub preflight {
    my ($path, $method, $origin, %options) = @_;
    return $t->request('OPTIONS', $path, undef, %options, headers => { Origin => $origin,
        defined $method ? ('Access-Control-Request-Method' => $method) : () });
}

sub tells {
    my ($r, $origin, $vary, $what) = @_;
    my $h = $r->{headers};
    is($h->{'access-control-allow-origin'}, $origin, "$what: its origin, and no other");
    is($h->{'access-control-allow-credentials'}, defined $origin ? 'true' : undef, "$what: its cookies");
    like($h->{'access-control-expose-headers'} // '', defined $origin ? qr/ETag.*Retry-After/ : qr/^$/,
        "$what: headers it may read");
    is($h->{vary}, $vary, "$what: varies by its origin");
}

# Preflights.
my %methods = ('/conversations' => 'GET, HEAD, POST', "/conversations/$id" => 'GET, HEAD, PATCH',
    "/conversations/$id/messages" => 'GET, HEAD, POST', "/conversations/$id/read" => 'PATCH', '/stream' => 'GET',
    '/unread-count' => 'GET, HEAD');
for my $path (sort keys %methods) {
    my $r = preflight($path, 'GET', $app);
    is($r->{status}, 204, "preflight of $path");
    is($r->{headers}{'access-control-allow-methods'}, $methods{$path}, "$path: its methods");
    is($r->{content} // '', '', "$path: no body");
}
my $r = preflight('/conversations', 'POST', $app);
tells($r, $app, 'Origin', 'a preflight');
like($r->{headers}{'access-control-allow-headers'}, qr/\b$_\b/, "$_ may be sent")
    for qw(Content-Type Authorization Idempotency-Key If-None-Match Last-Event-ID Messaging-User);
like($r->{headers}{'access-control-max-age'}, qr/^\d+$/, 'it may be remembered');
$r = preflight('/nowhere', 'GET', $app);
is($r->{status}, 404, 'no preflight of what is not there');
tells($r, $app, 'Origin, Accept-Language', 'and that can be read');
for my $origin ('https://evil.example', 'http://app.example', 'https://app.example:8443', 'https://app.example.evil',
    "$app/", 'null', 'https://outer.example', 'HTTPS://app.example', '*') {
    $r = preflight('/conversations', 'POST', $origin);
    is($r->{status}, 405, "no preflight for $origin");
    tells($r, undef, 'Origin, Accept-Language', $origin);
    is($r->{headers}{'access-control-allow-methods'}, undef, "$origin: nothing is allowed");
}
is(preflight('/conversations', undef, $app)->{status}, 405, 'OPTIONS that is no preflight');
is(preflight('/conversations', 'POST', 'http://localhost:3000')->{status}, 204, 'the second of the list');
is(preflight('/conversations', 'POST', 'https://b.example')->{status}, 204, 'a port that is the scheme\'s own');

# Answers.
my %by = (headers => { Cookie => $cookie, Origin => $app, 'Sec-Fetch-Site' => 'cross-site' });
my $send = "/conversations/$id/messages";
$r = $t->post($send, { content => 'from another origin' }, %by);
is($r->{status}, 201, 'a listed origin sends with a cookie');
tells($r, $app, 'Origin', 'sent');
$r = $t->post($send, { content => '' }, %by);
is($r->{status}, 400, 'a refusal');
tells($r, $app, 'Origin, Accept-Language', 'refused');
$r = $t->get('/unread-count', %by);
tells($r, $app, 'Origin', 'a badge');
$by{headers}{'If-None-Match'} = $r->{headers}{etag};
$r = $t->get('/unread-count', %by);
is($r->{status}, 304, 'unchanged');
tells($r, $app, 'Origin', 'a 304');
$r = $t->get('/status', headers => { Origin => $app });
tells($r, $app, 'Origin', 'the status');
$r = $t->get('/conversations', as => 'alice');
tells($r, undef, 'Origin', 'a request without an origin');
for my $origin ('https://evil.example', 'null', 'https://outer.example') {
    $r = $t->post($send, { content => 'x' },
        headers => { Cookie => $cookie, Origin => $origin, 'Sec-Fetch-Site' => 'cross-site' });
    is($r->{status}, 403, "$origin does not send");
    tells($r, undef, 'Origin, Accept-Language', $origin);
    is($t->get('/stream', headers => { Cookie => $cookie, Origin => $origin })->{status}, 403, 'nor listens');
}
my $stream = $t->stream('alice', headers => { Cookie => $cookie, Origin => $app, 'Sec-Fetch-Site' => 'cross-site',
    Authorization => '' });
like($stream->head, qr/^Access-Control-Allow-Origin: \Q$app\E\r$/m, 'a stream of a listed origin');
like($stream->head, qr/^Access-Control-Allow-Credentials: true\r$/m, 'with its cookie');
like($stream->head, qr/^Vary: Origin\r$/m, 'varies');
is(() = $stream->head =~ /^Access-Control-Allow-Origin/mg, 1, 'once');
$stream->close;

# Where it is off, nothing is told.
$r = $t->get('/conversations', as => 'alice', base => "$base/closed", headers => { Origin => $app });
tells($r, undef, undef, 'off');
is(preflight('/conversations', 'POST', $app, base => "$base/closed")->{status}, 405, 'off: no preflight');

# Behind auth_request a preflight has no credentials to show, and its refusal can be read.
is(preflight('/conversations', 'POST', $app, base => "$base/variables")->{status}, 204, 'before auth_request');
$r = $t->get('/conversations', base => "$base/variables", headers => { Origin => $app });
is($r->{status}, 401, 'which then refuses');
tells($r, $app, 'Origin', 'readably');
$r = $t->post('/conversations', { members => ['carol'] }, base => "$base/variables",
    headers => { Origin => $app, 'X-Secret' => 'sesame', 'Sec-Fetch-Site' => 'cross-site' });
is($r->{status}, 201, 'or accepts');
tells($r, $app, 'Origin', 'readably too');

# What is no origin does not start.
$t->stop;
for my $wrong ('*', 'null', "$app/", "$app/x", 'app.example', 'https://*.example', '""', "$app off", '') {
    $t->conf("messaging_origins $wrong; server { listen 127.0.0.1:%%PORT%%; location / { messaging; } }");
    my ($code, $output) = $t->nginx_test;
    isnt($code, 0, "messaging_origins $wrong: refused");
    like($output, qr/messaging_origins/, 'and named');
}

$t->expect_alert(qr/\[emerg\]/);
$t->finish;
