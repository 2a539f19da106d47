#!/usr/bin/perl

# The browser client by its own tools: the types hold, Biome has nothing to say, and Vitest's tests of the core
# pass, each counted here under its own name.

use strict;
use warnings;
use FindBin;
use Test::More;

chdir "$FindBin::Bin/../../web" or die $!;

# What a tool says, and how it ended.
sub run {
    open my $pipe, '-|', 'sh', '-c', "$_[0] 2>&1" or die $!;
    my @lines = <$pipe>;
    close $pipe;
    return ($? >> 8, @lines);
}

for (['the types hold', 'node_modules/.bin/tsc --noEmit'],
    ['format and lint', 'node_modules/.bin/biome check --colors=off . ../t/browser']) {
    my ($what, $command) = @$_;
    my ($code, @lines) = run($command);
    is($code, 0, $what) or diag @lines;
}

my ($code, @lines) = run('node_modules/.bin/vitest run --reporter=tap-flat');
my $tests = 0;
for my $line (@lines) {
    my ($not, $name) = $line =~ /^(not )?ok \d+ - (.*?)(?: # time=\S+)?$/ or next;
    ok(!$not, $name);
    $tests++;
}
ok($tests, 'there are tests of the core');
is($code, 0, 'and Vitest is content') or diag @lines;
done_testing;
