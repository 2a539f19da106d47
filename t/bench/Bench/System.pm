package Bench::System;

# One measured system: its own Redis, nginx with one worker process, and for ours a worker and
# a store, all fresh and on loopback. Both kinds reach Redis over TCP, which is all that nchan
# speaks, and neither nginx loads the other's module.
#
#   my $system = Bench::System->start('sqlite', streams => 5000);     # or mongodb, nchan
#   my $result = $system->load('send', users => 5000, seconds => 10);
#   $system->stop;

use strict;
use warnings;

use IPC::Open2 qw(open2);
use JSON::PP;

use Test::Messaging;

my $json = JSON::PP->new->utf8;
my $nchan = '/usr/lib/nginx/modules/ngx_nchan_module.so';

sub nchan_there { return -e $nchan }

sub start {
    my ($class, $kind, %options) = @_;
    my $parts = Test::Messaging->new(store => $kind eq 'mongodb' ? 'mongodb' : 'sqlite');
    my $self = bless {
        kind  => $kind,
        parts => $parts,
        redis => Test::Messaging::free_port(),
        http2 => Test::Messaging::free_port(),
        build => $parts->{build},
    }, $class;
    # Sanitizers would be measured, not us.
    $parts->{asan} = 0;
    $parts->start_redis('--port', $self->{redis}, '--bind', '127.0.0.1');
    # nginx begins to close idle connections where less than a sixteenth is free.
    $self->configure(int(1.25 * ($options{streams} // 0)) + 512);
    $self->start_worker if $kind ne 'nchan';
    $parts->start_nginx;
    $kind eq 'nchan' ? $self->wait_nchan : $parts->wait_ready;
    ($self->{nginx}) = $parts->nginx_workers;
    return $self;
}

sub start_worker {
    my ($self) = @_;
    $self->{parts}->spawn('worker', ["$self->{build}/messaging-worker", 'run',
        '--redis', "127.0.0.1:$self->{redis}", '--store', $self->{parts}->store_uri,
        '--log-level', 'warning']);
    return;
}

sub wait_nchan {
    my ($self) = @_;
    my $log = sub { $self->{parts}->read_file('error.log') };
    $self->{parts}->wait_for('nchan at Redis', sub { $log->() =~ /Redis upstream redis: ready/ });
    return;
}

# --- nginx

sub configure {
    my ($self, $connections) = @_;
    my $parts = $self->{parts};
    my $dir = $parts->dir;
    my $files = $connections + 1024;
    my $module = $self->{kind} eq 'nchan' ? $nchan : "$self->{build}/nginx/ngx_http_messaging_module.so";
    my $user = $> == 0 ? 'user root;' : '';
    my $temp = join ' ', map { "${_}_temp_path $dir/$_;" } qw(client_body proxy fastcgi uwsgi scgi);
    my ($http, $locations) = $self->{kind} eq 'nchan' ? $self->nchan_conf : $self->messaging_conf;
    $parts->write_file('nginx.conf', <<"CONF");
load_module $module;
daemon off;
worker_processes 1;
worker_rlimit_nofile $files;
pid $dir/nginx.pid;
error_log $dir/error.log notice;
$user
events { worker_connections $connections; }
http {
    access_log off;
    default_type text/plain;
    $temp
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    $http
    server {
        listen 127.0.0.1:@{[ $parts->port ]} backlog=4096;
        listen 127.0.0.1:$self->{http2} http2 backlog=4096;
        location /plain { return 200 '{"count":1,"conversations":{"0123456789abcdef0123456789abcdef":1}}'; }
        $locations
    }
}
CONF
    return;
}

sub messaging_conf {
    my ($self) = @_;
    return ("messaging_redis 127.0.0.1:$self->{redis};", <<"CONF");
        location /api/messages {
            messaging;
            messaging_rate off;
            messaging_jwt @{[ $self->{parts}->dir ]}/key alg=HS256;
        }
CONF
}

# As its documentation sets it up; the buffer of a channel's last messages is its default.
sub nchan_conf {
    my ($self) = @_;
    return ("upstream redis { nchan_redis_server redis://127.0.0.1:$self->{redis}; }", <<'CONF');
        location ~ ^/pub/(\w+)$ {
            nchan_publisher;
            nchan_channel_id $1;
            nchan_redis_pass redis;
        }
        location ~ ^/sub/(\w+)$ {
            nchan_subscriber eventsource;
            nchan_channel_id $1;
            nchan_redis_pass redis;
        }
CONF
}

# --- Load

sub command {
    my ($self, $mode, %options) = @_;
    my %watch = (nginx => $self->{nginx}, redis => $self->{parts}->pid('redis'));
    $watch{worker} = $self->{parts}->pid('worker') if $self->{kind} ne 'nchan';
    my $port = delete $options{http2} ? $self->{http2} : $self->{parts}->port;
    push my @options, '--http2=1' if $port == $self->{http2};
    return ("$self->{build}/bench-load", $mode, "--port=$port", "--key=" . $self->{parts}->dir . '/key',
        '--target=' . ($self->{kind} eq 'nchan' ? 'nchan' : 'messaging'), @options,
        (map { "--$_=$options{$_}" } sort keys %options), map { "--watch=$_:$watch{$_}" } sort keys %watch);
}

# One run of the generator to its end: what it printed.
sub load {
    my ($self, $mode, %options) = @_;
    open my $out, '-|', 'timeout', 900, $self->command($mode, %options) or die "bench-load: $!";
    my $line = <$out>;
    close $out or die "bench-load $mode against $self->{kind} failed\n" . $self->{parts}->tail;
    return $json->decode($line);
}

# Opens idle streams; they end when finish_streams is called.
sub hold_streams {
    my ($self, %options) = @_;
    my $pid = open2(my $out, my $in, $self->command('idle', %options));
    my $line = <$out> // die "idle streams against $self->{kind} failed\n" . $self->{parts}->tail;
    $self->{held} = { pid => $pid, in => $in, out => $out };
    return $json->decode($line)->{streams};
}

sub finish_streams {
    my ($self) = @_;
    my $held = delete $self->{held} or return;
    close $held->{in};
    waitpid $held->{pid}, 0;
    die "idle streams against $self->{kind} ended early\n" if $?;
    return;
}

# Resident memory of nginx's worker process in KB, and of Redis's data.
sub memory {
    my ($self) = @_;
    open my $file, '<', "/proc/$self->{nginx}/smaps_rollup" or die "smaps_rollup: $!";
    my %memory = map { /^(Rss|Pss): +(\d+) kB/ ? (lc $1 => $2) : () } <$file>;
    my $info = $self->{parts}->redis('INFO', 'memory');
    ($memory{redis}) = map { $_ / 1024 } $info =~ /^used_memory:(\d+)/m;
    return \%memory;
}

sub stop {
    my ($self) = @_;
    $self->finish_streams;
    $self->{parts}->stop;
    return;
}

1;
