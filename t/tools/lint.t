#!/usr/bin/perl

# `make lint`: layers, format, opening comments; and that it finds what it is there for.

use strict;
use warnings;
use FindBin;
use Test::More;

my $root = "$FindBin::Bin/../..";
my $output = `$root/scripts/lint 2>&1`;
is($?, 0, 'the code is clean') or diag $output;

# A copy in which each rule is broken once.
my $copy = `mktemp -d`;
chomp $copy;
system("cd $root && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t $copy 2>/dev/null");
system("cd $copy && git init -q . && git add -A") == 0 or die;

my @broken = (
    ['nginx in the core', 'ngx_module/core/sse.cpp', '#include "ngx_module/ngx.hpp"', qr/sse\.cpp:\d+: core sees only schema/],
    ['a store in the rules', 'worker/reader.cpp', '#include <sqlite3.h>', qr/reader\.cpp:\d+:.*sqlite3/],
    ['the worker in the module', 'ngx_module/ngx_auth.cpp', '#include "worker/store.hpp"',
        qr/ngx_auth\.cpp:\d+: the module does not see the worker/],
    ['yajl beside json.cpp', 'schema/keys.cpp', '#include <yajl/yajl_parse.h>', qr/keys\.cpp:\d+:.*yajl/],
    ['an odd format', 'schema/wire.cpp', 'int  oddly( ){return 1;}', qr/wire\.cpp/],
);
for my $broken (@broken) {
    open my $file, '>>', "$copy/$broken->[1]" or die $!;
    print $file "$broken->[2]\n";
    close $file;
}
my $found = `cd $copy && scripts/lint 2>&1`;
like($found, $_->[3], "$_->[0]: found") for @broken;
system('rm', '-rf', $copy);
done_testing();
