#!/usr/bin/perl

# Sign-in by nginx variables that the site's auth_request sets, against a small real upstream.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->{site} = Test::Messaging::free_port();
$t->conf(<<"CONF");
    # The site: knows its sessions by cookie.
    server {
        listen 127.0.0.1:$t->{site};
        location = /whoami {
            if (\$cookie_sid = "s-alice") { add_header X-User alice; add_header X-Role buyer; return 204; }
            if (\$cookie_sid = "s-team") { add_header X-User team:sales; return 204; }
            if (\$cookie_sid = "s-nobody") { return 204; }
            return 401;
        }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages {
            messaging;
            messaging_identity \$site_user role=\$site_role expires=\$site_expires;
            auth_request /_whoami;
            auth_request_set \$site_user \$upstream_http_x_user;
            auth_request_set \$site_role \$upstream_http_x_role;
            auth_request_set \$site_expires \$upstream_http_x_expires;
        }
        location = /_whoami {
            internal;
            proxy_pass http://127.0.0.1:$t->{site}/whoami;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }
    }
CONF
my $conf = $t->read_file('nginx.conf') =~ s/messaging_jwt[^;]*;//r;
$t->write_file('nginx.conf', $conf);
$t->start_redis->start_worker->start_nginx;

sub as_session { return (headers => { Cookie => "sid=$_[0]", %{ $_[1] || {} } }) }

# Here auth_request stands before the status too.
$t->wait_for('status', sub { $t->get('/status', as_session('s-alice'))->{status} == 200 });

my $me = $t->get('/conversations', as_session('s-alice'))->{json}{me};
is("$me->{id} $me->{role}", 'alice buyer', "the site's session is the sign-in");
is($t->get('/conversations', as_session('s-eve'))->{status}, 401, 'another session: 401');
is($t->get('/conversations', as_session('s-nobody'))->{status}, 401, 'no user: 401, not anybody');
is($t->get('/conversations', as_session('s-team'))->{status}, 401, 'a team: 401, it is not a person');
is($t->get('/conversations', as_session('s-eve', { 'X-User' => 'alice' }))->{status}, 401,
    "a client's header is no identity");

my $write = sub {
    $t->post('/conversations', { members => ['bob'] }, as_session('s-alice', $_[0]))->{status};
};
is($write->({ 'Sec-Fetch-Site' => 'same-origin' }), 201, 'a write from the same origin');
is($write->({ 'Sec-Fetch-Site' => 'cross-site' }), 403, 'from another origin');

$t->finish;
