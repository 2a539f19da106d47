#!/usr/bin/perl

# Sign-in by JSON Web Token: HS256, RS256, ES256 and EdDSA, from Authorization or a cookie; everything
# else is 401. (Hostile tokens one by one: t/unit/token_test.cpp.)

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Crypt::JWT qw(encode_jwt);
use MIME::Base64 qw(encode_base64url);
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
my $dir = $t->dir;
system("openssl genrsa -out $dir/rsa.pem 2048 2>/dev/null && "
    . "openssl rsa -in $dir/rsa.pem -pubout -out $dir/rsa.pub 2>/dev/null && "
    . "openssl ecparam -name prime256v1 -genkey -noout -out $dir/ec.pem && "
    . "openssl ec -in $dir/ec.pem -pubout -out $dir/ec.pub 2>/dev/null && "
    . "openssl genpkey -algorithm ED25519 -out $dir/ed.pem && "
    . "openssl pkey -in $dir/ed.pem -pubout -out $dir/ed.pub") == 0 or die;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        location /lenient {
            messaging;
            messaging_heartbeat 1s;
            messaging_jwt %%DIR%%/key alg=HS256 leeway=30s;
        }
        location /set {
            messaging;
            messaging_jwt %%DIR%%/set.json alg=EdDSA id=user.id role=user.role name=https://shop/name session=login.sid;
        }
        location /api/messages {
            messaging;
            messaging_jwt %%DIR%%/key alg=HS256 cookie=session;
            messaging_jwt %%DIR%%/rsa.pub alg=RS256 cookie=rsa iss=https://shop.example aud=messaging;
            messaging_jwt %%DIR%%/ec.pub alg=ES256;
            messaging_jwt %%DIR%%/ed.pub alg=EdDSA;
        }
    }
CONF

# The public key of a file by openssl's hand, as a member of a key set.
sub jwk {
    my ($name, $kid) = @_;
    system("openssl genpkey -algorithm ED25519 -out $dir/$name.pem") == 0 or die;
    my $point = substr `openssl pkey -in $dir/$name.pem -pubout -outform DER`, -32;
    return qq({"kty":"OKP","crv":"Ed25519","use":"sig","kid":"$kid","x":") . encode_base64url($point) . '"}';
}
my ($one, $two) = (jwk('one', 'k1'), jwk('two', 'k2'));
$t->write_file('set.json', qq({"keys":[$one,{"kty":"RSA","use":"enc"}]}));
$t->run;

my %key = (
    HS256 => $t->{secret},
    RS256 => \$t->read_file('rsa.pem'),
    ES256 => \$t->read_file('ec.pem'),
    EdDSA => \$t->read_file('ed.pem'),
);

sub token {
    my ($alg, %claims) = @_;
    %claims = (sub => 'alice', exp => time + 60, %claims);
    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
    return encode_jwt(payload => \%claims, alg => $alg, key => $key{$alg});
}

sub status {
    my (%headers) = @_;
    return $t->get('/conversations', headers => \%headers)->{status};
}

sub bearer { return status(Authorization => "Bearer $_[0]") }

my @here = (iss => 'https://shop.example', aud => 'messaging');
is(bearer(token('HS256')), 200, 'HS256');
is(bearer(token('RS256', @here)), 200, 'RS256');
is(bearer(token('ES256')), 200, 'ES256');
is(bearer(token('EdDSA')), 200, 'EdDSA');
is(status(authorization => 'bearer ' . token('HS256')), 200, 'the scheme in any case');
is(status(Cookie => 'a=1; session=' . token('HS256') . '; b=2'), 200, 'by cookie');
is(status(Cookie => 'rsa=' . token('RS256', @here)), 200, 'by the cookie of its key');
is(status(Cookie => 'SESSION=' . token('HS256')), 401, 'not by its name in another case');
is(status(Cookie => 'session=' . token('HS256') . '; session=' . token('HS256', sub => 'mallory')), 401,
    "two cookies that contradict are nobody's");
is(status(Cookie => 'rsa=' . token('HS256')), 401, "not by another key's cookie");
is(status(Cookie => 'other=' . token('HS256')), 401, 'not by any cookie');
is(bearer(token('RS256', iss => 'https://other.example', aud => 'messaging')), 401, 'issuer');
is(bearer(token('RS256', iss => 'https://shop.example', aud => 'other')), 401, 'audience');
is(bearer(token('RS256', iss => 'https://shop.example', aud => ['other', 'messaging'])), 200,
    'one audience of several');
is(bearer(token('RS256')), 401, 'no issuer');
is(bearer(token('HS256', exp => time - 1)), 401, 'expired');
is(bearer(token('HS256', exp => undef)), 401, 'without an end');
is(bearer(token('HS256', nbf => time + 60)), 401, 'not yet');
is(bearer(token('HS256', sub => undef)), 401, 'without a subject');
is(bearer(token('HS256', sub => '')), 401, 'with an empty one');
is(bearer(token('HS256', sub => 'x' x 129)), 401, 'with one too long');
is(bearer(substr(token('HS256'), 0, -2) . 'AA'), 401, 'another signature');
is(bearer('nonsense'), 401, 'no token at all');
is(status(), 401, 'nothing');
is($t->get('/conversations?token=' . token('HS256'))->{status}, 401, 'never in the query');

# Twice with the same token (the second comes from the cache), then past its end.
my $short = token('HS256', exp => time + 2);
is(bearer($short), 200, 'a token of two seconds');
is(bearer($short), 200, 'again');
$t->wait_for('its end', sub { bearer($short) == 401 });
pass('ends on time, also where it is cached');

# A stream lives as long as its token is taken, leeway and all.
my $late = { Authorization => 'Bearer ' . token('HS256', exp => time - 5) };
my $stream = $t->stream('alice', path => '/lenient/stream', headers => $late);
$t->wait_for('a heartbeat', sub { $stream->pump(0.05); $stream->comments || $stream->closed });
is(join(' ', map { $_->{event} } $stream->events), 'hello', 'a stream within the leeway goes on');
is($t->get('/conversations', base => 'http://127.0.0.1:' . $t->port . '/lenient',
    headers => { Authorization => 'Bearer ' . token('HS256', sub => 'team:sales') })->{status}, 401,
    'nobody signs in as a team');

my $me = $t->get('/conversations',
    headers => { Authorization => 'Bearer ' . token('HS256', name => 'Zoe', role => 'buyer') })->{json}{me};
is("$me->{id} $me->{name} $me->{role}", 'alice Zoe buyer', 'id, name and role are its claims');

# A key set: its keys by kid, its claims by their names, other keys after a reload.
sub by_set {
    my ($name, $header, %claims) = @_;
    my $token = encode_jwt(alg => 'EdDSA', key => \$t->read_file("$name.pem"), extra_headers => $header,
        payload => { user => { id => 'ann', role => 'buyer' }, 'https://shop/name' => 'Ann',
            login => { sid => 's1' }, exp => time + 60, %claims });
    return $t->get('/conversations', base => 'http://127.0.0.1:' . $t->port . '/set',
        headers => { Authorization => "Bearer $token" });
}
my $ann = by_set('one', { kid => 'k1' })->{json}{me};
is("$ann->{id} $ann->{name} $ann->{role}", 'ann Ann buyer', 'claims by the names of the configuration');
is(by_set('one', {})->{status}, 200, 'no kid where only one key fits');
is(by_set('two', { kid => 'k2' })->{status}, 401, 'a kid that the set does not have');
is(by_set('two', { kid => 'k1' })->{status}, 401, "another's kid");
is(by_set('one', { kid => 'k1' }, user => {}, sub => 'ann')->{status}, 401, 'not by a claim that is not named');
$t->write_file('set.json', qq({"keys":[$two]}));
$t->reload;
$t->wait_for('the new set', sub { by_set('two', { kid => 'k2' })->{status} == 200 });
$t->wait_for("the old one's end", sub { by_set('one', { kid => 'k1' })->{status} == 401 });
pass('a reload reads the set again');

my $log = $t->read_file('error.log');
unlike($log, qr/eyJ/, 'no token in the log');
like($log, qr/messaging: .*(expired|signature)/i, 'but why it was refused');

$t->finish;
