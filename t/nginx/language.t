#!/usr/bin/perl

# Refusals speak the reader's language: by Accept-Language, or always the one that the site names;
# the code stays the same.

use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new(workers => 0);
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_language fr;
        location /fixed { messaging; }
        location /api/messages { messaging; messaging_language auto; }
    }
CONF
$t->start_nginx;

sub refusal {
    my ($accept, %options) = @_;
    my $r = $t->get('/conversations', %options, headers => { defined $accept ? ('Accept-Language' => $accept) : () });
    is("$r->{status} $r->{json}{code}", '401 unauthenticated', 'the code says what it says');
    return ($r->{json}{error}, $r->{headers}{'content-language'}, $r->{headers}{vary});
}

my @english = ('Sign in to use messaging.', 'en', 'Accept-Language');
my @french = ('Connectez-vous pour utiliser la messagerie.', 'fr', 'Accept-Language');
is_deeply([refusal(undef)], \@english, 'English where nothing is asked');
is_deeply([refusal('fr-CA,fr;q=0.9,en;q=0.8')], \@french, 'French to a Canadian');
is_deeply([refusal('de, en;q=0.5, fr;q=0.1')], \@english, 'the best there is');
is_deeply([refusal('x' x 5000)], \@english, 'any length');

my %fixed = (base => 'http://127.0.0.1:' . $t->port . '/fixed');
is_deeply([refusal('en', %fixed)], [@french[0, 1], undef], 'a fixed language does not vary');

my $r = $t->post('/conversations', '{"nonsense":1}', as => 'alice', headers => { 'Accept-Language' => 'fr' });
like($r->{json}{error}, qr/messagerie/, 'and without Redis') or diag $r->{content};

$t->conf('messaging_language xx; server { listen 127.0.0.1:%%PORT%%; location / { messaging; } }');
my ($code, $output) = $t->nginx_test;
isnt($code, 0, 'a language that nobody wrote is refused');
like($output, qr/"xx": auto, en.*, fr\b/, 'and those that there are are told');

$t->expect_alert(qr/\[emerg\]/);
$t->finish;
