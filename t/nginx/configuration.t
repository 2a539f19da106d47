#!/usr/bin/perl

# Half a configuration does not start, and says why, with its line.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
my $key = $t->dir . '/key';
$t->write_file('short', 'x' x 31);
$t->write_file('empty', '');
$t->write_file('password', "secret\n");
system("openssl genrsa -out $t->{dir}/rsa.pem 2048 2>/dev/null && "
    . "openssl rsa -in $t->{dir}/rsa.pem -pubout -out $t->{dir}/rsa.pub 2>/dev/null && "
    . "openssl genrsa -out $t->{dir}/weak.pem 1024 2>/dev/null && "
    . "openssl rsa -in $t->{dir}/weak.pem -pubout -out $t->{dir}/weak.pub 2>/dev/null && "
    . "openssl ecparam -name prime256v1 -genkey -noout -out $t->{dir}/ec.pem && "
    . "openssl ec -in $t->{dir}/ec.pem -pubout -out $t->{dir}/ec.pub 2>/dev/null && "
    . "openssl ecparam -name secp384r1 -genkey -noout -out $t->{dir}/p384.pem && "
    . "openssl ec -in $t->{dir}/p384.pem -pubout -out $t->{dir}/p384.pub 2>/dev/null && "
    . "openssl genpkey -algorithm ED448 -out $t->{dir}/ed448.pem && "
    . "openssl pkey -in $t->{dir}/ed448.pem -pubout -out $t->{dir}/ed448.pub") == 0 or die;

my $redis = 'messaging_redis 127.0.0.1:6379;';
my $jwt = "messaging_jwt $key alg=HS256;";

sub conf {
    my ($http, $inside) = @_;
    $inside //= '';
    $t->conf("$http server { listen 127.0.0.1:%%PORT%%; location /m { messaging; $inside } }", bare => 1);
    return $t->nginx_test;
}

sub refused {
    my ($what, $pattern, @conf) = @_;
    my ($code, $output) = conf(@conf);
    isnt($code, 0, "$what: refused");
    like($output, $pattern, "$what: says why");
    like($output, qr/nginx\.conf:\d+/, "$what: and where");
}

sub accepted {
    my ($what, @conf) = @_;
    my ($code, $output) = conf(@conf);
    is($code, 0, "$what: accepted") or diag $output;
}

accepted('the least', "$redis $jwt");
accepted('a unix socket', "messaging_redis unix:/tmp/none.sock; $jwt");
accepted('all of messaging_redis', "messaging_redis 127.0.0.1:6380 user=u "
    . "password_file=$t->{dir}/password db=3 prefix=shop:; $jwt");
accepted('RS256 and ES256', $redis, "messaging_jwt $t->{dir}/rsa.pub alg=RS256 cookie=s iss=me aud=you leeway=30s; "
    . "messaging_jwt $t->{dir}/ec.pub alg=ES256;");
$t->write_file('secrets', 's' x 32 . "\n" . 't' x 44 . "\n");
$t->write_file('set.json', '{"keys":[{"kty":"oct","kid":"a","k":"' . 'a' x 43 . 'A"}]}');
accepted('claims', $redis, "messaging_jwt $key alg=HS256 id=user.id role=https://shop/role name=n session=sid;");
accepted('a key set', $redis, "messaging_jwt $t->{dir}/set.json alg=HS256;");
accepted('NextAuth', $redis, "messaging_nextauth $t->{dir}/secrets version=5 cookie=sid id=user.id leeway=15s; $jwt");
accepted('identity by variables', $redis, 'messaging_identity $ssl_client_s_dn role=$server_name name=$shop_name; set $shop_name x;');
accepted('all limits', "$redis $jwt messaging_drain_time 5s; messaging_max_pending 100; messaging_max_streams 10;",
    'messaging_timeout 2s; messaging_heartbeat 10s; messaging_retry 1s; messaging_stream_max_age 10m; '
    . 'messaging_stream_buffer 64k; messaging_streams_per_user 4; messaging_max_body 8k; messaging_max_content 500;');

refused('no Redis', qr/messaging_redis/, $jwt);
refused('no key', qr/messaging_jwt.*messaging_identity/, $redis);
refused('Redis twice', qr/duplicate/, "$redis $redis $jwt");
refused('a bad address', qr/messaging_redis/, "messaging_redis ''; $jwt");
refused('a bad port', qr/port/, "messaging_redis 127.0.0.1:99999; $jwt");
refused('an unknown parameter', qr/colour/, "messaging_redis 127.0.0.1 colour=red; $jwt");
refused('a bad db', qr/db/, "messaging_redis 127.0.0.1 db=x; $jwt");
refused('no password file', qr/nowhere/, "messaging_redis 127.0.0.1 password_file=/nowhere; $jwt");
refused('no key file', qr/nowhere/, $redis, 'messaging_jwt /nowhere alg=HS256;');
refused('no algorithm', qr/alg/, $redis, "messaging_jwt $key;");
refused('algorithm none', qr/none/, $redis, "messaging_jwt $key alg=none;");
refused('an unknown algorithm', qr/HS512/, $redis, "messaging_jwt $key alg=HS512;");
refused('a short secret', qr/32/, $redis, "messaging_jwt $t->{dir}/short alg=HS256;");
refused('an empty secret', qr/32|empty/, $redis, "messaging_jwt $t->{dir}/empty alg=HS256;");
refused('a public key as a secret', qr/key/, $redis, "messaging_jwt $t->{dir}/rsa.pub alg=HS256;");
refused('a weak RSA key', qr/2048/, $redis, "messaging_jwt $t->{dir}/weak.pub alg=RS256;");
refused('an EC key for RS256', qr/RS256|RSA/, $redis, "messaging_jwt $t->{dir}/ec.pub alg=RS256;");
refused('another curve', qr/P-256/, $redis, "messaging_jwt $t->{dir}/p384.pub alg=ES256;");
refused('the other Edwards curve', qr/Ed25519.*ED448/, $redis, "messaging_jwt $t->{dir}/ed448.pub alg=EdDSA;");
refused('a key set for another algorithm', qr/kty EC/, $redis, "messaging_jwt $t->{dir}/set.json alg=ES256;");
refused('a broken key set', qr/strict JSON/, $redis, "messaging_jwt $t->{dir}/broken.json alg=ES256;")
    if $t->write_file('broken.json', '{"keys":[');
refused('a claim', qr/claim "a\.\."/, $redis, "messaging_jwt $key alg=HS256 id=a..;");
refused('an option twice', qr/beside another/, $redis, "messaging_jwt $key alg=HS256 alg=RS256;");
refused('a short secret of NextAuth', qr/32 bytes/, $redis, "messaging_nextauth $t->{dir}/short;");
refused('no secret of NextAuth', qr/no secret/, $redis, "messaging_nextauth $t->{dir}/empty;");
refused('a cookie of NextAuth without its version', qr/version= is missing/, $redis,
    "messaging_nextauth $t->{dir}/secrets cookie=sid;");
refused('a version of NextAuth', qr/unknown version "3"/, $redis, "messaging_nextauth $t->{dir}/secrets version=3;");
refused('an algorithm for NextAuth', qr/unknown parameter "alg/, $redis, "messaging_nextauth $t->{dir}/secrets alg=HS256;");
refused('NextAuth beside variables', qr/other kind/, $redis,
    "messaging_identity \$server_name; messaging_nextauth $t->{dir}/secrets;");
refused('leeway', qr/leeway/, $redis, "messaging_jwt $key alg=HS256 leeway=61s;");
refused('identity by header', qr/http_/, $redis, 'messaging_identity $http_x_user;');
refused('identity by argument', qr/arg_/, $redis, 'messaging_identity $arg_user;');
refused('identity by cookie', qr/cookie_/, $redis, 'messaging_identity $cookie_user;');
refused('a role by header', qr/http_/, $redis, 'messaging_identity $server_name role=$http_x_role;');
refused("identity by \$$_", qr/\$$_ is what the client says/, $redis, "messaging_identity \${$_};")
    for qw(content_type content_length request_filename request_method ssl_server_name uri host
        proxy_add_x_forwarded_for fastcgi_path_info uid_got);
refused('identity by the header that auth_basic reads', qr/remote_user .*auth_request/, $redis,
    'auth_basic site; messaging_identity $remote_user;');
refused('identity that is constant', qr/variable/, $redis, 'messaging_identity root;');
refused('two ways to sign in', qr/messaging_identity/, $redis, "$jwt messaging_identity \$server_name;");
refused('an unknown profile', qr/nowhere/, "$redis $jwt server { listen 127.0.0.1:1; location / { messaging nowhere; } }");
refused('a bad site', qr/site/, "$redis $jwt server { listen 127.0.0.1:1; location / { messaging site=A/B; } }");
refused('inside if', qr/not allowed here/, "$redis $jwt server { listen 127.0.0.1:1; location / { if (\$args) { messaging; } } }");
refused('at server level', qr/not allowed here/, "$redis $jwt server { listen 127.0.0.1:1; messaging; }");
refused('a limit above the protocol', qr/messaging_max_content/, "$redis $jwt", 'messaging_max_content 10001;');
refused('a body above the protocol', qr/messaging_max_body/, "$redis $jwt", 'messaging_max_body 1m;');
refused('no time', qr/messaging_timeout/, "$redis $jwt", 'messaging_timeout 0;');
refused('a directive twice', qr/duplicate/, "$redis $jwt", 'messaging_timeout 1s; messaging_timeout 2s;');

# Inherited like nginx's own; off where a nested location says so.
$t->conf(<<"CONF", bare => 1);
    $redis
    server {
        listen 127.0.0.1:%%PORT%%;
        $jwt
        location /m {
            messaging;
            location /m/files { messaging off; return 200 files; }
        }
    }
CONF
is(($t->nginx_test)[0], 0, 'inherited from the server, off in a nested location');
$t->start_nginx;
my $base = 'http://127.0.0.1:' . $t->port;
is($t->get('/m/unread-count', base => $base)->{status}, 401, 'on in the outer one');
is($t->get('/m/files', base => $base)->{content}, 'files', 'off in the inner one');

$t->expect_alert(qr/\[emerg\]/);    # of nginx -t above
$t->finish;
