package Test::Messaging::Nemesis;

# Harm to the parts of a running system: kill -9, stop, forget. What dies is started again at
# once, as an init system would. Each kind of harm is a method that is also a name for do();
# counts() tells how often each was done.
#
#   my $nemesis = Test::Messaging::Nemesis->new($messaging);
#   $nemesis->do('redis_empty');

use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(make_path);
use Time::HiRes qw(sleep time);

# `mongodb`: the name of a server of the test's own that may be killed.
sub new {
    my ($class, $messaging, %options) = @_;
    return bless {
        messaging => $messaging,
        redis_dir => $messaging->dir,
        mongodb   => $options{mongodb},
        stopped   => {},    # by worker: when it goes on
        counts    => {},
    }, $class;
}

sub do {
    my ($self, $harm, @how) = @_;
    $self->$harm(@how);
    $self->{counts}{$harm}++;
    return $self;
}

sub counts { return $_[0]{counts} }

# --- Redis

# Killed and started again: with what its append-only file holds, with nothing, or with what it
# held when remember() was called (under that name).
sub redis_kept     { $_[0]->restart_redis('kept') }
sub redis_empty    { $_[0]->restart_redis('empty') }
sub redis_snapshot { $_[0]->restart_redis('snapshot', $_[1]) }

# Redis in a folder that keeps what it is told; call it before redis_kept.
sub keep_redis {
    my ($self) = @_;
    my $messaging = $self->{messaging};
    $messaging->redis('CONFIG', 'SET', 'appendonly', 'yes');
    $messaging->wait_for('the append-only file', sub {
        my $info = $messaging->redis('INFO', 'persistence');
        $info =~ /aof_rewrite_in_progress:0/ && $info =~ /aof_rewrite_scheduled:0/;
    });
    return $self;
}

sub remember {
    my ($self, $name) = @_;
    my $messaging = $self->{messaging};
    my $saved = $messaging->redis('SAVE') // '';
    return if $saved ne 'OK';    # a background save is under way: the one before will do
    copy("$self->{redis_dir}/dump.rdb", $self->snapshot($name)) or die "snapshot: $!";
    return $self;
}

sub snapshot { my ($self, $name) = @_; return $self->{messaging}->dir . '/' . ($name // 'old') . '.rdb' }

sub restart_redis {
    my ($self, $how, $name) = @_;
    my $messaging = $self->{messaging};
    $self->remember($name) if $how eq 'snapshot' && !-e $self->snapshot($name);
    $messaging->end('redis', 'KILL');
    my $keep = -e "$self->{redis_dir}/appendonlydir";
    if ($how ne 'kept') {
        $self->{redis_dir} = $messaging->dir . '/redis-' . ++$self->{redis_runs};
        make_path($self->{redis_dir});
    }
    if ($how eq 'snapshot') {
        copy($self->snapshot($name), "$self->{redis_dir}/dump.rdb") or die "snapshot: $!";
    }
    # A Redis that appends from its start does not look at the snapshot.
    my @append = $keep && $how ne 'snapshot' ? ('--appendonly', 'yes') : ();
    $messaging->start_redis('--dir', $self->{redis_dir}, @append);
    $messaging->redis('CONFIG', 'SET', 'appendonly', 'yes') if $keep && !@append;
    return;
}

sub flush { $_[0]{messaging}->redis('FLUSHALL') }

# The connections on which nginx hears of events; and all others, nginx's and the workers'.
sub cut_subscriptions { $_[0]{messaging}->redis('CLIENT', 'KILL', 'TYPE', 'pubsub') }
sub cut_connections   { $_[0]{messaging}->redis('CLIENT', 'KILL', 'TYPE', 'normal') }

# It has no memory for a while; it does not answer for a while.
sub fill_redis {
    my ($self) = @_;
    $self->{messaging}->redis('CONFIG', 'SET', 'maxmemory', 1);
    $self->wait(0.1 + rand);
    $self->{messaging}->redis('CONFIG', 'SET', 'maxmemory', 0);
    return;
}

sub stop_redis {
    my ($self) = @_;
    my $pid = $self->{messaging}->pid('redis');
    kill 'STOP', $pid;
    $self->wait(0.1 + rand 2);
    kill 'CONT', $pid;
    return;
}

# --- Workers, by their names in Test::Messaging

sub workers {
    my ($self) = @_;
    return map { $_ == 1 ? 'worker' : "worker$_" } 1 .. $self->{messaging}{workers};
}

sub a_worker {
    my ($self) = @_;
    my @names = $self->workers;
    return $names[rand @names];
}

sub kill_worker {
    my ($self) = @_;
    my $name = $self->a_worker;
    $self->{messaging}->end($name, 'KILL');
    $self->start_worker($name);
    return;
}

sub start_worker {
    my ($self, $name) = @_;
    delete $self->{$_}{$name} for qw(stopped armed);
    $self->{messaging}->start_worker($name);
    return;
}

# It dies, or stops, at a place and a passage drawn from all of them: where a kill from outside
# would rarely hit.
sub crash_worker   { $_[0]->arm_worker('MESSAGING_CRASH_AT') }
sub stop_worker_at { $_[0]->arm_worker('MESSAGING_STOP_AT') }

sub arm_worker {
    my ($self, $variable) = @_;
    my $name = $self->a_worker;
    $self->{messaging}->end($name, 'KILL');
    my @points = crash_points();
    my $place = $points[rand @points] . ':' . (1 + int rand 40);
    $self->{messaging}->start_worker($name, $variable => $place);
    $self->{armed}{$name} = 0.1 + rand 3.9;    # for how long it stops, where it does
    delete $self->{stopped}{$name};
    return;
}

sub is_stopped {
    my ($self, $name) = @_;
    my $pid = $self->{messaging}->pid($name) or return 0;
    open my $stat, '<', "/proc/$pid/stat" or return 0;
    return (<$stat> // '') =~ /\) [Tt] /;
}

# In the order in which a command passes them.
sub crash_points {
    return qw(after-read before-insert after-insert after-changes after-memberships after-commit
        after-log after-publish before-ack);
}

# It goes on when tend() is called after its time.
sub stop_worker {
    my ($self) = @_;
    my $name = $self->a_worker;
    return if !$self->{messaging}->alive($name);
    kill 'STOP', $self->{messaging}->pid($name);
    $self->{stopped}{$name} = time + 0.1 + rand 3.9;
    return;
}

# --- nginx

sub kill_nginx_worker {
    my ($self) = @_;
    my @pids = $self->{messaging}->nginx_workers;
    kill 'KILL', $pids[rand @pids];
    return;
}

sub stop_nginx_worker {
    my ($self) = @_;
    my @pids = $self->{messaging}->nginx_workers;
    my $pid = $pids[rand @pids];
    kill 'STOP', $pid;
    $self->wait(0.1 + rand 2);
    kill 'CONT', $pid;
    return;
}

sub reload_nginx { kill 'HUP', $_[0]{messaging}->pid('nginx') }

# --- MongoDB's server: it needs seconds to come back, and others go on meanwhile

sub kill_mongodb {
    my ($self) = @_;
    my $messaging = $self->{messaging};
    return if $messaging->alive('mongodb');
    my $script = $messaging->root . '/scripts/mongodb';
    my $again = '"$0" kill "$1" && "$0" start "$1"';
    $messaging->spawn('mongodb', ['sh', '-c', $again, $script, $self->{mongodb}]);
    return;
}

# --- Healing

sub wait {
    my ($self, $seconds) = @_;
    my $end = time + $seconds;
    while (time < $end) {
        $self->tend;
        sleep 0.02;
    }
    return;
}

# What is due: stopped workers go on, and what ended by itself is started again. A worker that was
# stopped inside a transaction of SQLite's may have been ended by the other.
sub tend {
    my ($self) = @_;
    my $messaging = $self->{messaging};
    for my $name (grep { $self->is_stopped($_) } keys %{ $self->{armed} }) {
        $self->{stopped}{$name} = time + delete $self->{armed}{$name};
        $self->{counts}{'worker stopped at a point'}++;
    }
    for my $name (keys %{ $self->{stopped} }) {
        next if time < $self->{stopped}{$name};
        kill 'CONT', $messaging->pid($name) if $messaging->pid($name);
        delete $self->{stopped}{$name};
    }
    for my $name ($self->workers) {
        next if $messaging->alive($name);
        $self->{counts}{'worker ended'}++;
        $self->start_worker($name);
    }
    return $self;
}

# Everything runs, and says so.
sub heal {
    my ($self) = @_;
    my $messaging = $self->{messaging};
    for my $name (keys %{ $self->{armed} }) {
        $messaging->end($name, 'KILL');
        $self->start_worker($name);
    }
    $self->{stopped}{$_} = 0 for keys %{ $self->{stopped} };
    $self->tend;
    $messaging->wait_for('MongoDB', sub { !$messaging->alive('mongodb') }, 120);
    $self->tend;
    $messaging->wait_ready;
    return $self;
}

1;
