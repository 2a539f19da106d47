#!/usr/bin/perl

# scripts/bench in small: it runs to its end, loses nothing, tells what it measured, and leaves
# no process behind. Its figures are worth nothing here.

use strict;
use warnings;
use FindBin;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $root = "$FindBin::Bin/../..";
my $dir = tempdir('messaging-bench-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $rival = -e '/usr/lib/nginx/modules/ngx_nchan_module.so' ? 'nchan' : 'none';

my $output;
{
    local %ENV = (
        %ENV,
        TMPDIR        => $dir,
        BENCH_SECONDS => 0.5,
        BENCH_RUNS    => 1,
        BENCH_USERS   => 40,
        BENCH_IDLE    => 60,
        BENCH_STORES  => 'sqlite',
        BENCH_RIVAL   => $rival,
        BENCH_OUT     => "$dir/bench.json",
    );
    $output = qx("$root/scripts/bench" 2>"$dir/progress");
}
is($? >> 8, 0, 'it ends well, nothing lost, doubled or misdelivered')
    or diag(slurp('progress'), $output);

like($output, qr/^sends stored and delivered, SQLite/m, 'a table');
unlike($output, qr/WORTHLESS/, 'no fault');
my $json = eval { JSON::PP->new->utf8->decode(slurp('bench.json')) } || {};
my $figures = $json->{figures} || {};
for my $name ('sqlite sends', 'sqlite delivery p99', 'sqlite history p99', 'sqlite send p99', 'badge polls',
    'plain polls') {
    cmp_ok($figures->{$name}{median} // 0, '>', 0, "measured: $name");
    ok($figures->{$name}{unit}, '... with its unit');
}
ok(exists $figures->{"ours idle stream$_"}, "measured: idle stream$_") for '', ', HTTP/2';
SKIP: {
    skip 'no nchan here', 2 if $rival eq 'none';
    cmp_ok($figures->{'nchan sends'}{median} // 0, '>', 0, 'measured: nchan');
    my ($line) = grep { ($_->{other} // '') eq 'nchan sends' } @{ $json->{lines} || [] };
    ok($line && $line->{ratio} > 0 && defined $line->{met}, 'compared: ratio, and whether the target is met');
}
ok($json->{versions}{nginx}, 'versions');
ok(@{ $json->{noise} || [] }, 'noise');

# Everything it starts has its folder in its command line.
my @left = grep { command($_) =~ /\Q$dir\E/ } map { m{(\d+)$} } glob '/proc/[0-9]*';
is(join(', ', map { command($_) } @left), '', 'no process is left');

done_testing();

sub slurp {
    open my $file, '<', "$dir/$_[0]" or return '';
    local $/;
    return scalar <$file> // '';
}

sub command {
    open my $file, '<', "/proc/$_[0]/cmdline" or return '';
    local $/;
    return (<$file> // '') =~ tr/\0/ /r;
}
