package Test::Messaging::Jobs;

# Tests that wait more than they work, several at a time: each job is a process with a system of
# its own, and one test of the file that runs them.
#
#   run_jobs(6, ['its name', sub { …tests…; $t->finish }], …);

use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempfile);
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(run_jobs);

sub run_jobs {
    my ($at_once, @jobs) = @_;
    my %running;
    while (@jobs || %running) {
        while (@jobs && keys %running < $at_once) {
            my $job = begin(@{ shift @jobs });
            $running{ $job->{pid} } = $job;
        }
        my $job = delete $running{ waitpid -1, 0 } or next;
        ok($? == 0, sprintf '%s, %.1f s', $job->{name}, time - $job->{start})
            or diag read_all($job->{output});
    }
    return;
}

sub begin {
    my ($name, $code) = @_;
    my ($output, $path) = tempfile(UNLINK => 1);
    my $pid = fork // die "fork: $!";
    return { pid => $pid, name => $name, output => $path, start => time } if $pid;
    my $builder = Test::More->builder;
    $builder->reset;
    $builder->$_($output) for qw(output failure_output todo_output);
    open STDERR, '>&', $output;
    my $done = eval { $code->(); 1 };
    print $output $@ if !$done;
    $output->flush;
    File::Temp::cleanup();
    POSIX::_exit($done && $builder->is_passing ? 0 : 1);
}

sub read_all {
    my ($path) = @_;
    open my $file, '<', $path or return "$path: $!";
    local $/;
    return scalar <$file>;
}

1;
