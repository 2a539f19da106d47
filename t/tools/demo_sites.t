#!/usr/bin/perl

# scripts/demo beside the canonical API: four sites by their own names, own pages, own APIs and own sign-ins, with
# demonstration data; each sign-in is good for its own site only. The pages themselves: t/browser/sites.mjs.

use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new(store => 'sqlite');
my ($root, $port) = ($t->root, Test::Messaging::free_port());
local $ENV{DEMO_DIR} = $t->dir . '/demo';

sub start {
    $t->write_file('demo.log', '');
    $t->spawn('demo', ["$root/scripts/demo"], env => { PORT => $port });
    $t->wait_for('the demo', sub { $t->read_file('demo.log') =~ /^ready /m }, 300);
    return;
}

sub signed_in {
    my ($site, $user, @more) = @_;
    open my $pipe, '-|', "$root/scripts/demo-token", '--site', $site, '--header', $user, @more or die $!;
    chomp(my $line = <$pipe> // '');
    close $pipe;
    return $line;
}

# Status and body of GET, or of POST with a body. curl knows that *.localhost is this machine.
sub ask {
    my ($site, $path, $line, $body) = @_;
    my @command = ('curl', '-s', '-w', "\n%{http_code}", defined $line ? ('-H', $line) : (),
        defined $body ? ('-H', 'Content-Type: application/json', '-H', "Origin: http://$site.localhost:$port",
            '-d', $t->json->encode($body)) : (), "http://$site.localhost:$port$path");
    open my $pipe, '-|', @command or die $!;
    my $answer = do { local $/; <$pipe> };
    close $pipe;
    my ($text, $status) = $answer =~ /\A(.*)\n(\d+)\z/s;
    return { status => $status, content => $text, json => scalar eval { $t->json->decode($text) } };
}

start();
my $user = 'test-user@example.com';
my %list = (
    'monmariage'  => '/api/messages',
    'marketplace' => '/api/messages/conversations',
    'pro-admin'   => '/api/messaging/conversations',
    'promoto'     => '/api/messages/conversations',
);
for my $site (sort keys %list) {
    my $line = signed_in($site, $user);
    like($line, $site eq 'monmariage' ? qr/^Cookie: next-auth\.session-token=ey/ : qr/^Cookie: session=ey/, "$site: a cookie");
    my $r = ask($site, $list{$site}, $line);
    is($r->{status}, 200, 'signs in there');
    ok(length $r->{content} > 300, 'where there is something to see') or diag $r->{content};
    is(ask($site, $list{$site})->{status}, 401, 'nobody: 401');
    for my $other (grep { $_ ne $site } sort keys %list) {
        is(ask($other, $list{$other}, $line)->{status}, 401, "and none at $other");
    }
    my $page = ask($site, '/', "Cookie: person=$user");
    is($page->{status}, 200, 'its pages are there');
    like($page->{content}, qr{<html lang="fr">.*<messaging-provider api="/api/messag\w+" profile="$site"}s, 'by its own profile');
    unlike($page->{content}, qr/<!--#|\[an error occurred/, 'with nothing left to put together');
}
like(ask('monmariage', '/api/messages', signed_in('monmariage', $user))->{content}, qr/Château de Vaux-le-Vicomte|"partnerId":"vaux-le-vicomte"/,
    'the castle is there');
is(ask('monmariage', '/api/messages')->{content}, '{"error":"Non autorisé"}' =~ s/(\x{e9})/\xc3\xa9/r, 'refused in its own words');
my $r = ask('monmariage', '/api/messages', signed_in('monmariage', 'new@example.com', '--name', 'Nouvelle'),
    { partnerId => 'vaux-le-vicomte', storefrontId => 'chateau-de-vaux-le-vicomte', content => 'Bonjour' });
is($r->{status}, 201, 'somebody new writes') or diag $r->{content};

my $token = `$root/scripts/demo-token alice`;
chomp $token;
is(`curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer $token' http://localhost:$port/api/messages/unread-count`, 200,
    'the canonical API is at localhost');
isnt(system("$root/scripts/demo-token --site nowhere $user 2>/dev/null"), 0, 'no other site');

$t->end('demo', 'TERM');
start();
my ($first) = $t->json->encode(ask('promoto', $list{promoto}, signed_in('promoto', $user))->{json});
like($first, qr/\S/, 'a second start');
like($t->read_file('demo/seed.log'), qr/^0 people, 0 conversations, 0 messages added/m, 'adds nothing to what is there');
$t->end('demo', 'TERM');
$t->finish;
