#!/usr/bin/perl

# Several makes at once in one clone, as where two demos start while a source is newer: each does its
# work, or finds it done, and none meets what another is about to write.

use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $root = "$FindBin::Bin/../..";
my $build = tempdir(CLEANUP => 1);
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};

# What changes with any source: the list of them, and the words made of the schema.
my @goals = map { "$build/$_" } 'nginx/sources', 'obj/messaging_languages.inc', 'obj/schema/sqlite.sql.inc';
for my $round (1 .. 5) {
    unlink @goals;
    my %log = map { $_ => "$build/$_.log" } 1 .. 6;
    my @running = map {
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            open STDOUT, '>', $log{$_} or die $!;
            open STDERR, '>&', \*STDOUT or die $!;
            exec 'make', '-s', '-C', $root, "BUILD=$build", @goals or die $!;
        }
        [$_, $pid];
    } sort keys %log;
    my @failed;
    for my $one (@running) {
        waitpid $one->[1], 0;
        next if !$?;
        open my $file, '<', $log{ $one->[0] } or die $!;
        push @failed, <$file>;
    }
    is(join('', @failed), '', "six makes at once, round $round");
    is(scalar(grep { -s } @goals), 3, 'and all is there');
}
is(join(' ', glob "$build/*/*.new"), '', 'nothing is left over');

my $output = `make -s -C '$root' BUILD=$build nothing-of-the-kind 2>&1`;
isnt($?, 0, 'what fails fails');
like($output, qr/nothing-of-the-kind/, 'and says why');
$output = `make -s -C '$root' BUILD='$build' --jobs=2 '$goals[0]' '$goals[2]' 2>&1`;
is("$? $output", '0 ', 'two goals, two jobs');

done_testing();
