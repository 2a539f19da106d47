#!/usr/bin/perl

# A request that names its user (Messaging-User) is for nobody else: under another's sign-in, a cookie
# that changed behind a page's back, it is 412, whatever it asks for and under whatever address, and
# nothing is done. (The header's forms one by one: t/unit/whom_test.cpp.)

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    log_format whom '$request_method $status user=$messaging_user code=$messaging_code';
    messaging_profile shop {
        roles buyer seller;
        route POST /shop/letters      send conversation=letter content=text;
        route GET  /shop/letters/:one history conversation=one reads;
        failure    message=error;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%DIR%%/access.log whom;
        location /api/messages { messaging; }
        location /shop { messaging shop; }
        location /variables {
            messaging;
            messaging_identity $site_user;
            auth_request /whoami;
            auth_request_set $site_user $upstream_http_x_user;
        }
        location = /whoami {
            internal;
            proxy_pass http://127.0.0.1:%%PORT%%/user;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }
        location = /user {
            if ($http_cookie ~ sid=bob) { add_header X-User bob; return 204; }
            return 401;
        }
    }
CONF
$t->run;
my $root = "$FindBin::Bin/../..";
my $here = 'http://127.0.0.1:' . $t->port;
my $id = $t->open_conversation('alice', 'bob');
is($t->send_text('alice', $id, 'for bob')->{status}, 201, 'the two have a conversation');

# Headers of a page that `named` opened, in a browser whose cookie is now of `signed`.
sub page {
    my ($named, $signed, %claims) = @_;
    return (headers => { Cookie => 'session=' . $t->token($signed, %claims), 'Sec-Fetch-Site' => 'same-origin',
        'Messaging-User' => $named });
}

sub refused {
    my ($what, $r) = @_;
    return is("$r->{status} " . ($r->{json}{code} // '-'), '412 other_user', $what);
}

# Every operation there is: alice's page, bob's cookie.
my $hears = $t->stream('alice');
my @operations = grep { !$_->{open} } map { $t->json->decode($_) } split /\n/,
    scalar `python3 '$root/t/lib/operations.py' '$root/schema/openapi.yaml'`;
cmp_ok(scalar @operations, '>', 10, 'operations are read');
for my $operation (@operations) {
    my $path = $operation->{path} =~ s/\{id\}/$id/r;
    $path .= '?q=for' if @{ $operation->{query} };
    refused("$operation->{id}: not as bob what is alice's",
        $t->request($operation->{method}, $path, $operation->{body}, page('alice', 'bob'), key => 'k'));
}
my $bob = $t->get("/conversations/$id", page('bob', 'bob'))->{json};
is("$bob->{lastSeq} $bob->{readSeq} $bob->{unreadCount} $bob->{status}", '1 0 1 open',
    'bob said nothing, read nothing, closed nothing');
$t->send_text('bob', $id, 'and now by himself');
is($hears->event('message')->{json}{content}, 'and now by himself', 'which alice hears');
is_deeply([grep { $_ eq 'typing' } map { $_->{event} } $hears->events], [], 'and heard nobody type');

# The same page when alice is there again: stored, under the same key, once.
for my $status (201, 200) {
    my $r = $t->post("/conversations/$id/messages", { content => 'mine' }, page('alice', 'alice'), key => 'k');
    is($r->{status}, $status, "alice's page, alice's cookie: $status");
    is($r->{json}{senderId}, 'alice', 'hers');
}
like($t->stream('alice', page('alice', 'alice'))->head, qr/ 200 /, 'her stream');

# Tokens and variables likewise, and ids that no header can hold.
refused('by a token', $t->get('/conversations', headers => { Authorization => 'Bearer ' . $t->token('bob'),
    'Messaging-User' => 'alice' }));
my %by = (base => "$here/variables", headers => { Cookie => 'sid=bob', 'Messaging-User' => 'alice' });
refused('by variables', $t->get('/conversations', %by));
$by{headers}{'Messaging-User'} = 'bob';
is($t->get('/conversations', %by)->{status}, 200, 'who it is');
for my $user ("ren\x{e9} \x{2603}/%41", 'a@b.example', '+33 1 02') {
    my $named = $user;
    utf8::encode($named);
    $named =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge;
    is($t->get('/conversations', page($named, $user))->{json}{me}{id}, $user, "percent-encoded: $named");
    refused('and not another', $t->get('/conversations', page("${named}x", $user)));
}

# What names nobody; what is refused before, and what asks for nobody.
for my $named ('', '%', '%FF', ['alice', 'alice']) {
    my $r = $t->get('/conversations', page($named, 'alice'));
    is("$r->{status} $r->{json}{field}", '400 Messaging-User', 'nobody: ' . (ref $named ? 'twice' : "'$named'"));
}
is($t->get('/conversations', headers => { 'Messaging-User' => 'alice' })->{status}, 401, 'no sign-in stays 401');
my %foreign = page('alice', 'bob');
$foreign{headers}{'Sec-Fetch-Site'} = 'cross-site';
is($t->post("/conversations/$id/messages", { content => 'x' }, %foreign)->{status}, 403, "another site's page 403");
is($t->get('/status', page('alice', 'bob'))->{status}, 200, 'the status is anybody\'s');
is($t->get('/nowhere', page('alice', 'bob'))->{status}, 404, 'what is not there is not there');

# A profile's own addresses, in its words; also for a role that it does not have.
my @shop = (base => "$here/shop");
for my $role ('seller', 'nurse') {
    my $r = $t->post('/letters', { letter => $id, text => 'x' }, page('alice', 'bob', role => $role), @shop);
    is("$r->{status} " . join(' ', %{ $r->{json} }),
        '412 message Somebody else has signed in meanwhile. Reload the page.', "a profile's, for a $role");
    is($t->get("/letters/$id", page('alice', 'bob', role => $role), @shop)->{status}, 412, 'nor is read there');
}
is($t->post('/letters', { letter => $id, text => 'by a route' }, page('bob', 'bob', role => 'seller'), @shop)->{status},
    201, 'but one\'s own');
my %french = page('alice', 'bob');
$french{headers}{'Accept-Language'} = 'fr';
my $fr = $t->get('/unread-count', %french);
like($fr->{json}{error}, qr/connect/, 'in French');

# No worker is asked.
$t->end('worker', 'KILL');
refused('decided by nginx alone', $t->get('/conversations', page('alice', 'bob')));

$t->wait_for('the access log', sub { $t->read_file('access.log') =~ /code=other_user/ });
like($t->read_file('access.log'), qr/^GET 412 user=- code=other_user$/m, 'the access log tells it');
unlike($t->read_file('error.log'), qr/alice|bob/, 'the error log tells nobody\'s id');
$t->finish;
