#!/usr/bin/perl

# Profiles as nginx sees them: a mistake in a block is told at `nginx -t` with its line, and what
# nginx itself refuses in a profile's locations has the shape of the profile's refusals.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
my $file = $t->dir . '/shop.http.conf';
my $first = "roles client=USER partner;\nteam partner;\n";

# `nginx -t` of a block in a file of its own: whether it passes, and what it says.
sub try {
    my ($lines, $place) = @_;
    $t->write_file('shop.http.conf', "messaging_profile shop {\n$first$lines\n}\n");
    $t->conf("include $file; server { listen 127.0.0.1:%%PORT%%; " . ($place // '') . ' }');
    return $t->nginx_test;
}

# --- Mistakes

my @mistakes = (
    ['rolls client;', qr/unknown: roles, team/],
    ['roles other;', qr/duplicate/],
    ['team guest;', qr/not one of the roles: "guest"/],
    ['team partner;', qr/a team stands twice/],
    ['team;', qr/names no role/],
    ['conversation x=nothing;', qr/there is no "nothing" to show/],
    ['conversation x=member.guest;', qr/not one of the roles: "guest"/],
    ['conversation x=id x=kind;', qr/twice: "x"/],
    ['conversation;', qr/names no field/],
    ["conversation id;\nconversation id;", qr/duplicate/, 1],
    ['message a-b!=id;', qr/not a field's name/],
    ['message x=members;', qr/there is no "members" to show/],
    ["message id;\nmessage id;", qr/duplicate/, 1],
    ['event hello x;', qr/an event of ours and its name/],
    ['event message;', qr/an event of ours and its name/],
    ['event message "a b";', qr/not an event's name/],
    (map { ["event message $_;", qr/not an event's name: "$_"/] } 'chat:', ':new', 'chat::new', 'c:' . 'n' x 64),
    ['event message hello;', qr/another event's name/],
    ['event message read;', qr/another event's name/],
    ["event message x;\nevent read x;", qr/duplicate/, 1],
    ['failure 302 error;', qr/not a status of a refusal/],
    ['failure why;', qr/a refusal has no "why"/],
    ['failure error error=code;', qr/twice/],
    ['failure 404;', qr/names no field/],
    ["failure error;\nfailure error;", qr/duplicate/, 1],
    ['rule;', qr/unknown rule/],
    ['rule silence;', qr/unknown rule/],
    ['rule open guest;', qr/not one of the roles/],
    ['rule change;', qr/names no role/],
    ["rule content;\nrule content;", qr/duplicate/, 1],
    ['rule confirm partner;', qr/one of the roles and a text/],
    ['rule confirm partner " ";', qr/not a message's text/],
    ['route GET /x;', qr/a method, a path and an operation/],
    ['route FETCH /x list;', qr/unknown method "FETCH"/],
    ['route GET x list;', qr/begins with/],
    ['route GET /x//y list;', qr/empty segment/],
    ['route GET /:a/:a history conversation=a;', qr/stands twice: "a"/],
    ['route GET /x lists;', qr/unknown operation "lists"/],
    ['route GET /x presence;', qr/unknown operation "presence"/],
    ['route GET /x send conversation content;', qr/POST, PUT, PATCH or DELETE/],
    ['route POST /x search q;', qr/shows something with GET/],
    ['route POST /x send conversation;', qr/missing, one of: content/],
    ['route POST /x start content;', qr/missing, one of: member/],
    ['route GET /x list subject;', qr/no argument "subject"/],
    ['route GET /x list status status=s;', qr/stands twice: "status"/],
    ['route GET /x list status=a.b!;', qr/not a parameter's name/],
    ['route GET /x/:id list;', qr/no argument is taken from ":id"/],
    ['route GET /x list all;', qr/"all" goes with history/],
    ['route GET /x list reads;', qr/"reads" goes with history/],
    ['route GET /x list answer=message;', qr/no answer "message"/],
    ['route GET /x list role=guest;', qr/not one of the roles/],
    ['route GET /x list if=;', qr/not a parameter's name/],
    ['route GET /x list fixed:status;', qr/NAME=VALUE/],
    ['route GET /x list fixed:status=lost;', qr/not a value of "status"/],
    ['route GET /x list context.a=a context.b=b;', qr/one context/],
    ['route POST /x start member.guest=to;', qr/not one of the roles/],
    ['route POST /x start member.client.name=name member.partner=to;', qr/goes with its member/],
    ['route POST /x start fixed:member.client=team:client;', qr/not one of the teams/],
    ['route POST /x send conversation member=to content;', qr/by its id or by who/],
    ["route GET /x list;\nroute GET /x list if=status status;", qr/never reached/, 1],
    ['route GET /x list', qr/unexpected "\}"/, 1],
    ['route GET /x { }', qr/\{/],
);
for my $mistake (@mistakes) {
    my ($lines, $says, $later) = @$mistake;
    my ($code, $output) = try($lines);
    isnt($code, 0, "refused: $lines");
    like($output, $says, '  says why');
    my $line = 4 + ($later // 0);
    like($output, qr/\Q$file\E:$line\b/, '  and where');
}

my ($code, $output) = try('');
is($code, 0, 'the lines that are right') or diag $output;
my @places = (
    ['location / { messaging stop; }', qr/no messaging_profile before this line is called "stop"/],
    ['location @r { messaging_refusal stop; }', qr/no messaging_profile before this line is called "stop"/],
    ['location @r { proxy_pass http://127.0.0.1:1; messaging_refusal shop; }', qr/another directive/],
    ['location /m { messaging shop; messaging_teams client; }', qr/messaging_teams/],
    ['messaging_profile late { }', qr/not allowed here/],
    ['location /m { messaging shop shop; }', qr/second profile/],
);
for my $place (@places) {
    ($code, $output) = try('', $place->[0]);
    isnt($code, 0, "refused: $place->[0]");
    like($output, $place->[1], '  says why');
    like($output, qr/nginx\.conf:\d+/, '  and where');
}
for my $name ('off', '"a b"', "shop { }\nmessaging_profile shop") {
    $t->conf("messaging_profile $name { }");
    ($code, $output) = $t->nginx_test;
    isnt($code, 0, "refused: a profile called $name");
    like($output, qr/nginx\.conf:\d+/, '  with its line');
}

# --- nginx's own refusals

my ($upstream, $around) = (Test::Messaging::free_port(), Test::Messaging::free_port());
$t->conf(<<"CONF");
    limit_req_zone \$binary_remote_addr zone=one:64k rate=1r/m;
    messaging_profile shop {
        roles client partner;
        failure why=error what=code number=status;
        failure 401 "fixed:error=Non autorisé";
        route POST /api/messages start member=to content answer=message;
        route GET  /api/messages list answer=array;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        error_page 400 414 494 /refusal;
        large_client_header_buffers 2 2k;
        location / { return 200 "the site's own page"; }
        location /api/messages { messaging shop; client_max_body_size 1k; error_page 400 403 413 429 500 503 \@refusal; }
        location /asks { messaging shop; auth_request /whoami; error_page 401 403 500 \@refusal; }
        location /few {
            messaging shop; limit_req zone=one; limit_req_status 429; error_page 429 \@refusal;
        }
        location /near { messaging shop; deny all; error_page 403 \@refusal; }
        location = /whoami { proxy_pass http://127.0.0.1:$upstream/; }
        location \@refusal { messaging_refusal shop; }
        location = /refusal { messaging_refusal shop; }
        location /hidden { messaging shop; deny all; error_page 403 = \@refusal; }
    }
    server {
        listen 127.0.0.1:$upstream;
        if (\$http_x_session = "broken") { return 502; }
        if (\$http_x_session = "foreign") { return 403; }
        if (\$http_x_session != "good") { return 401; }
        location / { return 204; }
    }
    server {
        listen 127.0.0.1:$around;
        auth_request /whoami;
        location = /whoami { auth_request off; proxy_pass http://127.0.0.1:$upstream/; }
        location /api/messages { messaging shop; error_page 401 \@refusal; }
        location \@refusal { messaging_refusal shop; }
    }
CONF
$t->start_redis->start_worker->start_nginx;
$t->wait_for('an answer', sub { $t->get('', as => 'ann', headers => {
    Authorization => 'Bearer ' . $t->token('ann', role => 'client') })->{status} == 200 });
my %ann = (Authorization => 'Bearer ' . $t->token('ann', role => 'client'));

# The bytes of a request, and of its answer: status, body.
sub raw {
    my ($request) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port, Timeout => 10) or die $!;
    print $socket $request;
    local $/;
    my $answer = <$socket> // '';
    return $answer =~ m{\AHTTP/1\.1 (\d+).*?\r\n\r\n(.*)\z}s ? ($1, $2) : ('none', $answer);
}

sub shaped {
    my ($what, $code, $status, $body) = @_;
    my $json = eval { $t->json->decode($body) };
    ok($json, "$what: JSON") or diag $body;
    is_deeply([sort keys %{ $json || {} }], [qw(number what why)], "$what: the fields of the profile");
    is($json->{what}, $code, "$what: the code");
    is($json->{number}, $status, "$what: the status, as it was sent");
    return;
}

sub refused {
    my ($what, $status, $code, @answer) = @_;
    is($answer[0], $status, "$what: $status");
    shaped($what, $code, @answer);
    return;
}

my $host = "Host: localhost\r\nConnection: close\r\n";
refused('a broken request line', 400, 'bad_request', raw("GET /api/messages FTP\r\n$host\r\n"));
refused('a header twice', 400, 'bad_request', raw("GET /api/messages HTTP/1.1\r\n${host}Host: other\r\n\r\n"));
refused('no host', 400, 'bad_request', raw("GET /api/messages HTTP/1.1\r\nConnection: close\r\n\r\n"));
refused('a long path', 400, 'bad_request', raw('GET /api/messages?q=' . 'x' x 3000 . " HTTP/1.1\r\n$host\r\n"));
refused('a long header', 400, 'bad_request',
    raw("GET /api/messages HTTP/1.1\r\n${host}X-Long: " . 'x' x 3000 . "\r\n\r\n"));
refused('a length that is none', 400, 'bad_request',
    raw("POST /api/messages HTTP/1.1\r\n${host}Content-Length: x\r\n\r\n"));
refused('a body that breaks off its chunks', 400, 'bad_request', raw("POST /api/messages HTTP/1.1\r\n$host"
    . "Authorization: $ann{Authorization}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"));
refused('a body beyond client_max_body_size', 413, 'body_too_large', @{ $t->post('', { content => 'x' x 2000, to => 'bob' },
    headers => {%ann}) }{qw(status content)});

# auth_request, whose answer is the site's.
my $site = 'http://127.0.0.1:' . $t->port;
sub status { return $t->get('/asks/status', headers => { 'X-Session' => $_[0] }, base => $site) }
is(status('good')->{status}, 200, 'auth_request lets through');
my $r = status('none');
is("$r->{status} $r->{content}", '401 {"error":"Non autorisé"}', 'its 401 is exactly the profile\'s');
is($r->{headers}{'content-type'}, 'application/json', 'as JSON');
refused('its 403', 403, 'forbidden_role', @{ status('foreign') }{qw(status content)});
refused('its failure', 500, 'internal', @{ status('broken') }{qw(status content)});
$r = $t->get('', headers => {%ann}, base => "http://127.0.0.1:$around/api/messages");
is("$r->{status} $r->{content}", '401 {"error":"Non autorisé"}', 'likewise where it stands around the whole server');

# Limits and addresses.
is($t->get('/few/unread-count', headers => {%ann}, base => $site)->{status}, 200, 'within limit_req');
$r = $t->get('/few/unread-count', headers => {%ann}, base => $site);
refused('limit_req', 429, 'rate_limited', @$r{qw(status content)});
cmp_ok($r->{headers}{'retry-after'}, '>', 0, 'when to come again');
refused('deny', 403, 'forbidden_role', @{ $t->get('/near/search?q=x', headers => {%ann}, base => $site) }{qw(status content)});

refused('by nobody', 404, 'not_found', @{ $t->get('/refusal', base => $site) }{qw(status content)});
refused('by an error_page that hides why', 500, 'internal', @{ $t->get('/hidden', base => $site) }{qw(status content)});
like($t->read_file('error.log'), qr/error_page with "=" does not tell/, 'which the log says');

# What it does not touch.
is($t->get('/', base => $site)->{content}, "the site's own page", 'the site beside it');
is($t->get('', headers => {%ann})->{status}, 200, 'and what is right');

$t->expect_alert(qr/\[emerg\]/);
$t->finish;
