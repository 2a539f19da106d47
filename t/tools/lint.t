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

sub breaks {
    my ($what, $file, $line, $pattern) = @_;
    open my $in, '<', "$copy/$file" or die $!;
    my $before = do { local $/; <$in> };
    close $in;
    open my $out, '>>', "$copy/$file" or die $!;
    print $out $line;
    close $out;
    like(`cd $copy && scripts/lint 2>&1`, $pattern, $what);
    open $out, '>', "$copy/$file" or die $!;
    print $out $before;
    close $out;
}

breaks('nginx in the core', 'ngx_module/core/sse.cpp', "#include \"ngx_module/ngx.hpp\"\n", qr/core sees only schema/);
breaks('a store in the rules', 'worker/reader.cpp', "#include <sqlite3.h>\n", qr/reader\.cpp/);
breaks('the worker in the module', 'ngx_module/ngx_auth.cpp', "#include \"worker/store.hpp\"\n", qr/the module does not see the worker/);
breaks('yajl beside json.cpp', 'schema/wire.cpp', "#include <yajl/yajl_parse.h>\n", qr/wire\.cpp/);
breaks('an odd format', 'schema/wire.cpp', "int  oddly( ){return 1;}\n", qr/wire\.cpp/);
system('rm', '-rf', $copy);
done_testing();
