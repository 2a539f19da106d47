#!/usr/bin/perl

# The worker dies at each of its crash points, under each operation, and Redis at that instant
# keeps everything, loses everything, or comes back empty or with an old state. What was
# acknowledged is there once, what is unknown is there once or not at all, and once when it was
# repeated; all numbers are right each time, and streams have everything or are told to fetch.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempfile);
use POSIX ();
use Test::More;
use Test::Messaging;
use Test::Messaging::Checker qw(problems);
use Test::Messaging::Client;
use Test::Messaging::Listener;
use Test::Messaging::Load;
use Test::Messaging::Nemesis;
use Test::Messaging::Request;
use Time::HiRes qw(time);

# In the order in which a command passes them. A worker that starts says what it rolled forward,
# so for two of them the command's passage is the second.
my @points = qw(after-read before-insert after-insert after-memberships after-commit after-log
    after-publish before-ack);
my %passage = ('after-log' => 2, 'after-publish' => 2);

my %commands = (
    'start with content' => {},
    'start without'      => {},
    'send'               => { opened => 1 },
    'repeat'             => { opened => 1 },
    'read'               => { opened => 1 },
);

my %harms = (
    'kept'         => sub { },
    'flushed'      => sub { $_[0]->do('flush') },
    'empty'        => sub { $_[0]->do('redis_empty') },
    'old snapshot' => \&old_snapshot,
);

# Most of the time is nginx's pause before it tries Redis again, so several systems run at once.
use constant AT_ONCE => 6;

my ($t, $nemesis);
my $cases = 0;

my %in_code;
for my $file (glob "$FindBin::Bin/../../worker/*.cpp") {
    open my $source, '<', $file or die "$file: $!";
    while (<$source>) { $in_code{$1} = 1 while /crashPoint\("([^"]+)"\)/g }
}
is_deeply([sort keys %in_code], [sort @points], 'the points of the code are those of this test');

my @jobs = map { my $harm = $_; map { [$harm, $_] } sort keys %commands } sort keys %harms;
my %running;
while (@jobs || %running) {
    start_job(@{ shift @jobs }) while @jobs && keys %running < AT_ONCE;
    my $job = delete $running{ waitpid -1, 0 } or next;
    ok($? == 0, sprintf '%s: at all points, %.1f s', $job->{name}, time - $job->{start})
        or diag read_all($job->{output});
}
done_testing();

# A system of its own in a process of its own, all points of one command.
sub start_job {
    my ($harm, $command) = @_;
    my ($output, $path) = tempfile(UNLINK => 1);
    my $pid = fork // die "fork: $!";
    $running{$pid} = { name => "Redis $harm, $command", output => $path, start => time };
    return if $pid;
    my $builder = Test::More->builder;
    $builder->reset;
    $builder->$_($output) for qw(output failure_output todo_output);
    open STDERR, '>&', $output;
    my $done = eval { run_job($harm, $command); 1 };
    print $output $@ if !$done;
    undef $t;
    File::Temp::cleanup();
    $output->flush;
    POSIX::_exit($done && $builder->is_passing ? 0 : 1);
}

sub run_job {
    my ($harm, $command) = @_;
    $t = Test::Messaging->new;
    $t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_timeout 1s;
        location /api/messages { messaging; }
    }
CONF
    $nemesis = Test::Messaging::Nemesis->new($t);
    $t->run;
    for my $point (@points) {
        for my $repeat ('at once', 'later') {
            my @wrong = one_case($harm, $command, $point, $repeat);
            is(join("\n", @wrong), '', "$point, repeated $repeat") or diag $t->tail;
        }
    }
    my ($code, $output) = $t->worker_run('check');
    is($code, 0, 'check finds no drift') or diag $output;
    $t->finish;
    return;
}

sub read_all {
    my ($path) = @_;
    open my $file, '<', $path or return "$path: $!";
    local $/;
    return scalar <$file>;
}

# --- One case: what went wrong in it

# bob has read nothing; alice gives the command.
sub one_case {
    my ($harm, $name, $point, $repeat) = @_;
    my $case = new_case($name);
    my ($alice, $bob) = @$case{qw(alice bob)};
    my ($open, $other, $cut) = map { listener($case, @$_) }
        ['open', $bob], ['sender', $alice], ['cut', $bob];
    $cut->leave;

    $t->end('worker', 'KILL');
    $t->start_worker('worker', MESSAGING_CRASH_AT => "$point:" . ($passage{$point} // 1));
    my $operation = $case->{operation};
    my $request = begin($case);
    $t->wait_for('the crash', sub { !$t->alive('worker') });
    return 'the command was not in hand' if !pending();
    $harms{$harm}->($nemesis, $case);
    $t->start_worker;

    # Without a repeat it is stored once or not at all, and all numbers agree with it.
    if ($repeat eq 'later') {
        $t->wait_for('rest', sub { at_rest() });
        answered($operation, $request->answer(0.01));
        # A log that was deleted shows at the next change; everything else shows by itself.
        my @streams = $harm eq 'flushed' ? () : ($open, $other);
        my @wrong = settles($case, 'before the repeat', @streams);
        return @wrong if @wrong;
    }
    my $answer;
    $t->wait_for('an answer', sub {
        $answer = begin($case)->answer(3);
        answered($operation, $answer);
        return $answer->{status} !~ /^5/;
    });
    answered($operation, $request->answer(0)) if $repeat ne 'later';
    return ("answered $answer->{status} in the end") if $answer->{status} !~ /^20/;

    # A change that all members are told of: whose log is gone learns it by this.
    say_marker($case);
    my @wrong = settles($case, 'in the end', $open, $other, $cut);
    $_->leave for $open, $other, $cut;
    $t->wait_for('rest', sub { at_rest() });
    return @wrong;
}

sub new_case {
    my ($name) = @_;
    my $n = ++$cases;
    my $case = { alice => "alice$n", bob => "bob$n", operations => [] };
    $case->{conversation} = Test::Messaging::Load::conversation_id(@$case{qw(alice bob)});
    my $op = $name =~ s/ .*//r;
    my $operation = $case->{operation} = {
        op => $op eq 'repeat' ? 'send' : $op, user => $case->{alice}, attempts => [],
        conversation => $case->{conversation}, key => 'the key', start => now(),
    };
    $operation->{content} = "words $n" if $name ne 'read' && $name ne 'start without';
    push @{ $case->{operations} }, $operation;
    if ($commands{$name}{opened}) {
        $t->open_conversation($case->{bob}, $case->{alice});
        said($case, $case->{bob}, "first $n");
    }
    if ($op eq 'repeat') {
        my $answer = begin($case)->answer(5);
        answered($operation, $answer);
        die "the first of a repeat: $answer->{status}" if $answer->{status} != 201;
    }
    return $case;
}

sub now { return Test::Messaging::Client::now() }

sub begin {
    my ($case) = @_;
    my ($operation, $id) = @$case{qw(operation conversation)};
    my %content = defined $operation->{content} ? (content => $operation->{content}) : ();
    my %request = (
        start => ['POST', '/conversations', { members => [$case->{bob}], %content }],
        send  => ['POST', "/conversations/$id/messages", \%content],
        read  => ['PATCH', "/conversations/$id/read", {}],
    );
    return Test::Messaging::Request->new($t, @{ $request{ $operation->{op} } },
        as => $case->{alice}, key => $operation->{key});
}

sub answered {
    my ($operation, $answer) = @_;
    push @{ $operation->{attempts} }, { at => now(), Test::Messaging::Client::result_of($answer) };
    return;
}

# A message of some other's, until it is stored.
sub said {
    my ($case, $user, $text) = @_;
    my $operation = { op => 'send', user => $user, conversation => $case->{conversation},
        content => $text, key => $text, start => now(), attempts => [] };
    $t->wait_for($text, sub {
        my $answer = $t->send_text($user, $case->{conversation}, $text, key => $text);
        answered($operation, $answer);
        return $answer->{status} =~ /^20/;
    });
    push @{ $case->{operations} }, $operation;
    return;
}

sub say_marker {
    my ($case) = @_;
    return said($case, $case->{bob}, "marker $case->{bob}");
}

# --- What Redis and the worker have in hand

sub shards {
    my ($command, @rest) = @_;
    return map { $t->redis($command, "messaging:{w$_}:commands", @rest) } 0 .. 15;
}

# Commands that were read and not acknowledged.
sub pending { return scalar grep { ref && $_->[0] } shards('XPENDING', 'workers') }

# A worker owns everything, and nothing waits.
sub at_rest {
    return 0 if grep { !defined $t->redis('GET', "messaging:{w$_}:lease") } 0 .. 15;
    return !grep { $_ } shards('XLEN');
}

# Redis comes back as it was in the case before: with a command in hand that was settled since.
sub old_snapshot {
    my ($nemesis, $case) = @_;
    $nemesis->remember('next');
    $nemesis->do('redis_snapshot', 'before');
    rename $nemesis->snapshot('next'), $nemesis->snapshot('before') or die $!;
    return;
}

# --- What is there

sub listener {
    my ($case, $name, $user) = @_;
    my $notes = $t->dir . "/$user-$name.notes";
    my $listener = Test::Messaging::Listener->new($t, user => $user, notes => $notes);
    $listener->step(0.01) until $listener->fresh;
    $listener->{name} = $name;
    return $listener;
}

# What contradicts a promise, once it has had time to settle.
sub settles {
    my ($case, $when, @listeners) = @_;
    my ($end, @wrong) = time + 5;
    do {
        @wrong = problems(observe($case, @listeners));
    } while (@wrong && time < $end);
    return map { "$when: $_" } @wrong;
}

sub observe {
    my ($case, @listeners) = @_;
    my $id = $case->{conversation};
    my %observed = (operations => $case->{operations}, listeners => []);
    my %histories;
    for my $user (@$case{qw(alice bob)}) {
        my $list = $t->fetch('/conversations', $user)->{conversations};
        $observed{views}{$user} = { list => { map { $_->{id} => $_ } @$list },
            badge => $t->fetch('/unread-count', $user) };
        my $answer = $t->get("/conversations/$id/messages", as => $user);
        $histories{$user} = $answer->{json}{messages} if $answer->{status} == 200;
    }
    $observed{conversations}{$id} = { members => [@$case{qw(alice bob)}], histories => \%histories };
    for my $listener (@listeners) {
        my $user = $listener->{user};
        my $listed = $observed{views}{$user}{list}{$id};
        $listener->expect({ $id => [scalar @{ $histories{$user} || [] },
            $listed ? $listed->{readSeq} : 0] });
        my $end = time + 10;
        $listener->step(0.01) until $listener->at_goal || time > $end;
        push @{ $observed{listeners} }, { name => $listener->{name}, user => $user,
            notes => [$listener->notes] };
    }
    return \%observed;
}
