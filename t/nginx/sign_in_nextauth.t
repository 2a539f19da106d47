#!/usr/bin/perl

# Sign-in by the session cookie of NextAuth 4 and of Auth.js 5, made by those packages themselves.
# (Forged ones byte by byte: t/unit/token_session_test.cpp.)

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP;
use Test::More;
use Test::Messaging;

my $root = "$FindBin::Bin/../..";
chomp(my $packages = `$root/scripts/auth-packages`);
if ($?) {
    my $what = 'next-auth and @auth/core could not be installed: npm says above why (no network?)';
    die "$what\n" if ($ENV{CI} // '') eq 'true';
    diag "### $what; sign-in by them is SKIPPED ###";
    plan(skip_all => $what);
}

my $t = Test::Messaging->new;
my $tls = Test::Messaging::free_port();
system("openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout $t->{dir}/tls.key "
    . "-out $t->{dir}/tls.pem 2>/dev/null") == 0 or die;
my ($secret, $before) = ('s' x 44, 'b' x 44);
$t->write_file('secrets', "$secret\n$before\n");
$t->conf(<<"CONF");
    large_client_header_buffers 4 16k;
    log_format who '\$messaging_user \$messaging_session';
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:$tls ssl;
        ssl_certificate %%DIR%%/tls.pem;
        ssl_certificate_key %%DIR%%/tls.key;
        location /named4 {
            messaging;
            messaging_nextauth %%DIR%%/secrets version=4 cookie=sid id=user.id role=user.role name=user.name session=jti;
            access_log %%DIR%%/who.log who;
        }
        location /named5 {
            messaging;
            messaging_nextauth %%DIR%%/secrets version=5 cookie=sid id=user.id role=user.role name=user.name session=jti;
            access_log %%DIR%%/who.log who;
        }
        location /only4 { messaging; messaging_nextauth %%DIR%%/secrets version=4; }
        location /only5 { messaging; messaging_nextauth %%DIR%%/secrets version=5; }
        location /api/messages {
            messaging;
            messaging_nextauth %%DIR%%/secrets;
            messaging_jwt %%DIR%%/key alg=HS256;
        }
    }
CONF
$t->run;

# The Cookie header's content for each wish.
sub cookies {
    my (@wishes) = @_;
    my %token = (sub => 'alice', name => 'Alice', email => 'a@example.com', role => 'buyer');
    $t->write_file('wishes.json', encode_json([map {
        { secret => $secret, token => { %token, %{ delete $_->{claims} || {} } }, %$_ } } @wishes]));
    my $made = `node $root/t/lib/session_cookies.mjs $packages <$t->{dir}/wishes.json`;
    die 'no cookies' if $?;
    return map { join '; ', map { join '=', @$_ } @$_ } @{ decode_json($made) };
}

sub ask {
    my ($cookie, %options) = @_;
    my $location = $options{location} // '/api/messages';
    return $t->get('/conversations', base => 'http://127.0.0.1:' . $t->port . $location,
        headers => { Cookie => "theme=dark; $cookie; last=1",
            defined $options{user} ? ('Messaging-User' => $options{user}) : () });
}

# The status, over TLS.
sub ask_tls {
    my ($cookie, $location) = @_;
    return `curl -sS --cacert $t->{dir}/tls.pem --connect-to localhost:443:127.0.0.1:$tls -o /dev/null -w '%{http_code}' -H 'Cookie: $cookie' https://localhost$location/unread-count`;
}

my %name = (4 => 'next-auth.session-token', 5 => 'authjs.session-token');
for my $version (4, 5) {
    my ($name, $not) = ($name{$version}, 9 - $version);
    my @common = (version => $version, cookie => $name);
    my ($plain, $secure, $chunked, $old, $stranger, $late, $nested, $other, $nobody) = cookies(
        { @common },
        { @common, cookie => "__Secure-$name" },
        { @common, claims => { picture => 'x' x 6000 } },
        { @common, secret => $before },
        { @common, secret => 'x' x 44 },
        { @common, maxAge => -1 },
        { @common, cookie => 'sid', claims => { user => { id => 7, role => 'seller', name => 'Zoe' } } },
        { @common, cookie => "other.session-token" },
        { @common, claims => { sub => undef } },
    );
    my $me = ask($plain)->{json}{me};
    is("$me->{id} $me->{name} $me->{role}", 'alice Alice buyer', "$version: the session is the sign-in");
    is(ask($plain, user => $_)->{status}, $_ eq 'alice' ? 200 : 412, "$version: a page of $_") for 'alice', 'bob';
    is(ask($secure)->{status}, 200, "$version: by the __Secure- name");
    like($chunked, qr/\Q$name\E\.0=.*\Q$name\E\.1=/, "$version: a long session is chunked");
    is(ask($chunked)->{status}, 200, "$version: and put together");
    is(ask(join '; ', reverse split /; /, $chunked)->{status}, 200, "$version: in whatever order they come");
    is(ask($chunked =~ s/\Q$name\E\.1=[^;]+/x=1/r)->{status}, 401, "$version: not without a chunk");
    is(ask($old)->{status}, 200, "$version: by the secret before");
    is(ask($stranger)->{status}, 401, "$version: not by another");
    is(ask($late)->{status}, 401, "$version: not past its end");
    is(ask($nobody)->{status}, 401, "$version: not without a user");
    is(ask($plain =~ s/.\z/substr($plain, -1) eq 'A' ? 'B' : 'A'/er)->{status}, 401, "$version: not changed");
    is(ask($other)->{status}, 401, "$version: not by any cookie");
    is(ask($other =~ s/^other\.session-token/__Secure-$name/r)->{status}, $version == 4 ? 200 : 401,
        "$version: " . ($version == 4 ? 'whatever name it was made for' : 'not under another name'));
    my ($secure_plain) = cookies({ @common, cookie => "__Secure-$name", claims => { sub => 'mallory' } });
    is(ask("$secure; $secure_plain")->{status}, 401, "$version: two that contradict are nobody's");
    is(ask("$secure; $secure")->{status}, 200, "$version: the same one twice");
    is(ask($secure =~ s/^__Secure-/__secure-/r)->{status}, 401, "$version: no name in another case");
    is(ask($plain, location => "/only$version")->{status}, 200, "$version: its version alone");
    is(ask($plain, location => "/only$not")->{status}, 401, "$version: not the other one alone");
    is(ask($plain =~ s/^\Q$name\E/$name{$not}/r)->{status}, 401, "$version: not by the other's name");
    is(ask_tls($secure, '/api/messages'), 200, "$version: over TLS by the __Secure- name");
    is(ask_tls($plain, '/api/messages'), 401, "$version: and by no name that plain HTTP could set");
    is(ask_tls($nested, "/named$version"), 200, "$version: but by the one that is configured");
    $me = ask($nested, location => "/named$version")->{json}{me};
    is("$me->{id} $me->{name} $me->{role}", '7 Zoe seller', "$version: nested claims, another cookie");
    is(ask($nested)->{status}, 401, "$version: which only its location takes");
    is(ask($nested, location => "/named$not")->{status}, 401, "$version: and only as its version");
    my ($value) = $plain =~ /=(.*)/;
    is($t->get('/conversations', headers => { Authorization => "Bearer $value" })->{status}, 401,
        "$version: no bearer token");
    is($t->get('/conversations', headers => { Authorization => 'Bearer nonsense', Cookie => $plain })->{status}, 401,
        "$version: and no excuse for a bad one");

    my $write = sub {
        $t->post('/conversations', { members => ["bob$version"] }, headers => { Cookie => $plain, @_ })->{status};
    };
    is($write->('Sec-Fetch-Site' => 'cross-site'), 403, "$version: no write from another site");
    is($write->(Origin => 'http://evil.example'), 403, "$version: nor from another origin");
    is($write->('Sec-Fetch-Site' => 'same-origin'), 201, "$version: a write from the site's own pages");
}
is($t->get('/conversations', as => 'carol')->{status}, 200, 'a bearer token beside it');
like($t->read_file('who.log'), qr/^7 [0-9a-f-]{36}$/m, 'the session is a variable');

# Sessions in a database: no one is signed in, and the operator is told why, once.
unlike($t->read_file('error.log'), qr/opaque/, 'nothing was opaque until now');
for my $cookie ('authjs.session-token=4d3c1f8e-6f0b-4d53-9d3f-0a8f4bd6d5a1', 'next-auth.session-token=5e1f') {
    is(ask($cookie)->{status}, 401, "opaque: $cookie");
}
my @told = grep { /opaque/ } split /^/, $t->read_file('error.log');
is(scalar @told, 1, 'one line tells of opaque sessions');
like($told[0], qr/\[error\].*"authjs\.session-token".*database.*auth_request/, 'and what to do');
unlike($told[0], qr/4d3c1f8e-6f0b/, 'without the session')
    or diag $told[0];

# A secret that was taken out of the file.
my ($old) = cookies({ version => 5, cookie => $name{5}, secret => $before });
is(ask($old)->{status}, 200, 'the secret before, until it goes');
$t->write_file('secrets', "$secret\n");
$t->reload;
$t->wait_for('its end', sub { ask($old)->{status} == 401 });
pass('and not after a reload without it');
unlike($t->read_file('error.log'), qr/eyJ/, 'no session in the log');

$t->finish;
