package Test::Messaging::Profile;

# A site that uses a shipped profile: nginx with all of schema/profiles in one http{}, and a server
# for each, whose `location /` is the site's own upstream.

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(basename);
use Test::More;

use Test::Messaging;

our @EXPORT = qw(site at person say ask);

my ($t, $base, %people, %ports);

# Starts all; requests go to the site of this profile.
sub site {
    my ($name, %options) = @_;
    $t = Test::Messaging->new;
    my ($http, $servers, %prefix);
    for my $file (glob Test::Messaging::root() . '/schema/profiles/*.http.conf') {
        my $profile = basename($file, '.http.conf');
        my $port = $ports{$profile} = $profile eq $name ? $t->port : Test::Messaging::free_port();
        my $locations = $file =~ s/http\.conf$/server.conf/r;
        ($prefix{$profile}) = do { local (@ARGV, $/) = $locations; <> } =~ m{^location (/\S+)}m;
        $http .= "    include $file;\n";
        $servers .= <<"CONF";
    server {
        listen 127.0.0.1:$port;
        location / { return 200 "the site's own page"; }
        location ~ \\.php\$ { return 200 "a page by expression"; }
        include $locations;
    }
CONF
    }
    $t->conf($http . $servers . ($options{more} // ''));
    at($name);
    $t->start_redis->start_worker->start_nginx;
    # Not where run() looks: the site's own page may stand there.
    $t->wait_for('status ok', sub {
        my $answer = ask(undef, 'GET', "$prefix{$name}/status");
        ($answer->{json}{status} // '') eq 'ok' && $t->read_file('worker.log') =~ /: serves [1-9]/;
    }, 30);
    return $t;
}

# From here on they go to the site of this one.
sub at {
    my ($name) = @_;
    $base = "http://127.0.0.1:$ports{$name}";
    return;
}

# Somebody who signs in at the site: a role, and a name or none.
sub person {
    my ($id, $role, $name) = @_;
    $people{$id} = $t->token($id, role => $role, defined $name ? (name => $name) : ());
    return $id;
}

# A request in the site's own words, as HTTP::Tiny answers it.
sub ask {
    my ($who, $method, $path, $body, %options) = @_;
    my %headers = %{ $options{headers} || {} };
    $headers{Authorization} = "Bearer $people{$who}" if defined $who;
    return $t->request($method, $path, $body, %options, base => $base, headers => \%headers);
}

# Likewise; what must be its status, and of which the body is given back.
sub say {
    my ($status, $what, @request) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $answer = ask(@request);
    is($answer->{status}, $status, $what) or diag($answer->{content});
    return $answer->{json};
}

1;
