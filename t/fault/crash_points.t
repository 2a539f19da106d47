#!/usr/bin/perl

# The worker dies at each of its crash points, under each operation, and Redis at that instant
# keeps everything, loses everything, or comes back empty or with an old state. What was
# acknowledged is there once, what is unknown is there once or not at all, and once when it was
# repeated; all numbers are right each time, and streams have everything or are told to fetch.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;
use Test::Messaging::Case;
use Test::Messaging::Jobs qw(run_jobs);
use Test::Messaging::Nemesis;

my @points = Test::Messaging::Nemesis::crash_points();

my %harms = (
    'kept'         => sub { },
    'flushed'      => sub { $_[0]->do('flush') },
    'empty'        => sub { $_[0]->do('redis_empty') },
    'old snapshot' => \&old_snapshot,
);

# Most of the time is nginx's pause before it tries Redis again, so several systems run at once.
use constant AT_ONCE => 8;

# Those of an import are t/import.t's.
my %in_code;
for my $file (glob "$FindBin::Bin/../../worker/*.cpp") {
    open my $source, '<', $file or die "$file: $!";
    while (<$source>) { $in_code{$1} = 1 while /crashPoint\("((?!fill-)[^"]+)"\)/g }
}
delete $in_code{'while-indexing'};    # no command's: t/search.t dies there
is_deeply([sort keys %in_code], [sort @points], 'the points of the code are those of this test');

# The longest waits first.
my @jobs = map { my $command = $_; ["$command, then silence", sub { then_silence($command) }] }
    'send', 'start with content', 'read';
for my $harm (sort keys %harms) {
    for my $command (Test::Messaging::Case::commands()) {
        push @jobs, ["Redis $harm, $command: at all points", sub { at_all_points($harm, $command) }];
    }
}
run_jobs(AT_ONCE, @jobs);
done_testing();

sub new_system {
    my $t = Test::Messaging->new;
    $t->conf(<<"CONF");
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_timeout 1s;
        @{[Test::Messaging::Case::teams()]}
        location /api/messages { messaging; }
    }
CONF
    return $t->run;
}

sub at_all_points {
    my ($harm, $command) = @_;
    my $t = new_system();
    my $nemesis = Test::Messaging::Nemesis->new($t);
    my $n = 0;
    for my $point (@points) {
        for my $repeat ('at once', 'later') {
            my $case = Test::Messaging::Case->new($t, ++$n, $command);
            my @wrong = one_case($t, $case, $point, $repeat, sub { $harms{$harm}->($nemesis) },
                $harm eq 'flushed');
            is(join("\n", @wrong), '', "$point, repeated $repeat") or diag $t->tail;
        }
    }
    my ($code, $output) = $t->worker_run('check');
    is($code, 0, 'check finds no drift') or diag $output;
    $t->finish;
    return;
}

# Stored, and its announcement lost with the worker and with the log: nothing happens any more that
# a stream could notice it by, and it is told to fetch all the same.
sub then_silence {
    my ($command) = @_;
    my $t = new_system();
    my $case = Test::Messaging::Case->new($t, 1, $command);
    $case->listen($_) for 'bob', 'alice';
    $t->end('worker', 'KILL');
    $t->start_worker('worker', MESSAGING_CRASH_AT => 'after-commit')->wait_serving;
    $case->begin_until_crash('worker');
    $t->redis('FLUSHALL');
    $t->start_worker;
    like($case->until_answered, qr/^2/, 'the repeat finds it');
    is(join("\n", $case->settles(streams => 30)), '', 'streams have it in 30 s');
    $t->finish;
    return;
}

# What went wrong. `quiet`: a log that was deleted shows only at the next change.
sub one_case {
    my ($t, $case, $point, $repeat, $harm, $quiet) = @_;
    $case->listen($_) for 'bob', 'alice';
    $case->listen('bob')->leave;    # comes back afterwards, with Last-Event-ID
    $t->end('worker', 'KILL');
    $t->start_worker('worker', MESSAGING_CRASH_AT => $point)->wait_serving;
    my $request = $case->begin_until_crash('worker');
    return 'the command was not in hand' if !Test::Messaging::Case::pending($t);
    $harm->();
    $t->start_worker;

    if ($repeat eq 'later') {
        # Without a repeat it is stored once or not at all, and all numbers agree with it.
        $t->wait_for('rest', sub { Test::Messaging::Case::at_rest($t) });
        $case->answered($request, 0.01);
        my @wrong = $case->settles(streams => $quiet ? 0 : 10);
        return map { "before the repeat: $_" } @wrong if @wrong;
    }
    my $status = $case->until_answered;
    $case->answered($request, 0) if $repeat ne 'later';
    return "answered $status in the end" if $status !~ /^2/;
    $case->say("marker $case->{bob}");    # a change of which all members are told
    my @wrong = $case->settles(streams => 10);
    $case->close;
    $t->wait_for('rest', sub { Test::Messaging::Case::at_rest($t) });
    return @wrong;
}

# Redis comes back as it was in the case before: with a command in hand that was settled since.
sub old_snapshot {
    my ($nemesis) = @_;
    $nemesis->remember('next');
    $nemesis->do('redis_snapshot', 'before');
    rename $nemesis->snapshot('next'), $nemesis->snapshot('before') or die $!;
    return;
}
