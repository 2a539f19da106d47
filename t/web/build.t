#!/usr/bin/perl

# `make web` builds the browser client once and then only when a source changed, and `make install-web` puts it where
# nginx can serve it; `make install` needs none of it. The lock file names no registry's host.

use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

chdir "$FindBin::Bin/../.." or die $!;
my $folder = tempdir(CLEANUP => 1);

sub make {
    my $output = `make @_ 2>&1`;
    return ($? >> 8, $output);
}

my ($code, $output) = make('-s', 'web');
is($code, 0, 'make web') or diag $output;
is((make('-q', 'web'))[0], 0, 'another does nothing');
for my $file (qw(web/src/index.ts web/package.json web/package-lock.json schema/profiles/promoto.http.conf)) {
    is((make('-q', '-W', $file, 'web'))[0], 1, "a change of $file is one of it");
}
($code, $output) = make('-s', 'install-web', "DESTDIR=$folder");
is($code, 0, 'make install-web') or diag $output;
ok(-s "$folder/usr/share/nginx-messaging/web/$_", $_)
    for qw(messaging.js messaging-worker.js LICENSE-lit locales/fr.json locales/en.json profiles/monmariage.json profiles/promoto.json);
(undef, $output) = make('-n', 'install', "DESTDIR=$folder");
unlike($output, qr/npm/, 'make install needs no npm');

$output = `node web/tools/sizes.mjs 2>&1`;
is($?, 0, 'no more than a page should have to load') or diag $output;
note $output;

open my $lock, '<', 'web/package-lock.json' or die $!;
unlike(do { local $/; <$lock> }, qr/"resolved"|:\/\/registry/, 'no address of a registry is kept');
done_testing;
