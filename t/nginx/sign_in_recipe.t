#!/usr/bin/perl

# The README's recipe for a site that keeps its sessions in a database, as it stands there: the
# site says by auth_request whose the opaque cookie is.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
my $site = Test::Messaging::free_port();
open my $file, '<', $t->root . '/README.md' or die "README.md: $!";
my $readme = do { local $/; <$file> };
my ($recipe) = grep { m{location = /whoami} } $readme =~ /^```nginx\n(.*?)^```$/msg;
ok($recipe, 'the README has the recipe') or die;

my ($http) = $recipe =~ /\A\s*http \{\n(.*)\}\s*\z/s;
my $socket = $t->redis_socket;
$http =~ s/messaging_redis \S+ prefix=\S+;/messaging_redis unix:$socket;/ or die;
$http =~ s/listen 8081/listen 127.0.0.1:$t->{port}/ or die;
$http =~ s/127\.0\.0\.1:3000/127.0.0.1:$site/ or die;
$t->conf(<<"CONF", bare => 1);
    $http
    # The site, which finds sessions by their cookie.
    server {
        listen 127.0.0.1:$site;
        location = /whoami {
            if (\$http_cookie ~ "next-auth\\.session-token=5e55-a") {
                add_header X-User alice;
                add_header X-Name Alice;
                return 200;
            }
            return 401;
        }
    }
CONF
$t->start_redis->start_worker->start_nginx;

sub ask { return $t->get('/conversations', headers => { Cookie => "next-auth.session-token=$_[0]" }) }

$t->wait_for('an answer', sub { ask('5e55-a')->{status} == 200 });
my $me = ask('5e55-a')->{json}{me};
is("$me->{id} $me->{name}", 'alice Alice', 'the session of the database is the sign-in');
is(ask('5e55-b')->{status}, 401, 'another session: 401');
is($t->get('/conversations')->{status}, 401, 'none: 401');
is($t->get('/conversations', headers => { 'X-User' => 'alice' })->{status}, 401, "a client's header is no identity");

$t->finish;
