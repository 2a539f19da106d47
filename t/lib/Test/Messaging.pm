package Test::Messaging;

# The whole system for one test: its own Redis, worker, nginx with the module and store, in a
# temporary folder, on loopback. Shaped after nginx-tests: the configuration stands in the test,
# and every test ends with "no alerts" and "no sanitizer errors".
#
#   my $t = Test::Messaging->new->run;
#   my $r = $t->post('/conversations', { members => ['bob'] }, as => 'alice');
#   is($r->{status}, 201);
#   $t->finish;
#
# From the environment: TEST_BUILD (build folder, default build/test), TEST_STORE (sqlite or mongodb),
# MESSAGING_TEST_MONGODB (URI of a server for tests), TEST_KEEP (leave the folder).

use strict;
use warnings;

use Cwd qw(abs_path);
use Crypt::JWT qw(encode_jwt);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Test::More;
use Time::HiRes qw(sleep time);

use Test::Messaging::Stream;

# HTTP::Tiny writes head and body one after the other; without this the kernel holds the body
# back until the head is acknowledged, 40 ms later.
{
    no warnings 'redefine';
    my $connect = \&HTTP::Tiny::Handle::connect;
    *HTTP::Tiny::Handle::connect = sub {
        my $handle = $connect->(@_);
        setsockopt $handle->{fh}, IPPROTO_TCP, TCP_NODELAY, 1;
        return $handle;
    };
}

my $root = abs_path(dirname(__FILE__) . '/../../..');
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub new {
    my ($class, %options) = @_;
    my $build = $ENV{TEST_BUILD} || 'build/test';
    $build = "$root/$build" if $build !~ m{^/};
    my $self = bless {
        dir     => tempdir('messaging-XXXXXXXX', TMPDIR => 1, CLEANUP => !$ENV{TEST_KEEP}),
        build   => $build,
        store   => $options{store} || $ENV{TEST_STORE} || 'sqlite',
        workers => $options{workers} // 1,
        asan    => scalar($build =~ m{/asan\z}),
        pids    => {},
        parent  => $$,
    }, $class;
    plan(skip_all => 'no MongoDB server: set MESSAGING_TEST_MONGODB')
        if $self->{store} eq 'mongodb' && !$ENV{MESSAGING_TEST_MONGODB};
    $self->{port} = free_port();
    my @chars = ('a' .. 'z', 0 .. 9);
    $self->{secret} = join '', map { $chars[rand @chars] } 1 .. 48;
    $self->write_file('key', $self->{secret});
    return $self;
}

sub dir  { $_[0]{dir} }
sub port { $_[0]{port} }
sub root { $root }
sub json { $json }

# A port that nobody listens on, and that is this process's until it ends: tests run side by side,
# and one that met another's server would see its refusals. Below the range from which the kernel
# takes ports for clients. An abstract socket is a lock that ends with its process.
my @ports;

sub free_port {
    for (1 .. 100) {
        my $port = 12000 + int rand 20000;
        my $lock = IO::Socket::UNIX->new(Local => "\0messaging-test-port-$port", Listen => 1) or next;
        IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1, ReuseAddr => 1)
            or next;
        push @ports, $lock;
        return $port;
    }
    die "no free port: $!";
}

sub write_file {
    my ($self, $name, $content) = @_;
    my $path = $name =~ m{^/} ? $name : "$self->{dir}/$name";
    open my $file, '>', $path or die "$path: $!";
    print $file $content;
    close $file or die "$path: $!";
    return $path;
}

sub read_file {
    my ($self, $name) = @_;
    open my $file, '<', "$self->{dir}/$name" or return '';
    local $/;
    return scalar <$file> // '';
}

# Waits until the condition is true, not for a time; dies after `limit` seconds.
sub wait_for {
    my ($self, $what, $condition, $limit) = @_;
    my $end = time + ($limit || 20);
    while (time < $end) {
        my $value = $condition->();
        return $value if $value;
        sleep 0.01;
    }
    die "waited in vain: $what\n" . $self->tail;
}

# The ends of all logs, for the message of a test that failed.
sub tail {
    my ($self) = @_;
    my $text = '';
    for my $log (glob "$self->{dir}/*.log") {
        my $name = $log =~ s{.*/}{}r;
        my @lines = split /^/, $self->read_file($name);
        splice @lines, 0, @lines - 15 if @lines > 15;
        $text .= "--- $name\n" . join '', @lines;
    }
    return $text;
}

# --- Processes

sub spawn {
    my ($self, $name, $command, %options) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $ENV{$_} = $options{env}{$_} for keys %{ $options{env} || {} };
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/$name.log" or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        setpgrp;
        exec { $command->[0] } @$command or POSIX::_exit(127);
    }
    $self->{pids}{$name} = $pid;
    return $pid;
}

# A process of the test's own: runs `code` and ends; after `limit` seconds it is ended by SIGALRM,
# whatever it hangs in.
sub fork_child {
    my ($self, $name, $limit, $code) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/$name.log" or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        setpgrp;
        $SIG{PIPE} = 'IGNORE';
        alarm $limit;
        my $done = eval { $code->(); 1 };
        print STDERR $@ if !$done;
        POSIX::_exit($done ? 0 : 1);
    }
    $self->{pids}{$name} = $pid;
    return $pid;
}

sub pid { $_[0]{pids}{ $_[1] } }

sub alive {
    my ($self, $name) = @_;
    my $pid = $self->{pids}{$name} or return 0;
    return 1 if waitpid($pid, WNOHANG) == 0;
    $self->{status}{$name} = $?;
    delete $self->{pids}{$name};
    return 0;
}

# Ends a process of ours and waits until it is gone; its wait status.
sub end {
    my ($self, $name, $signal, $limit) = @_;
    my $pid = $self->{pids}{$name} or return;
    kill $signal || 'TERM', $pid;
    my $gone = eval {
        $self->wait_for("end of $name", sub { !$self->alive($name) }, $limit || 30);
    };
    if (!$gone) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
        delete $self->{pids}{$name};
        fail("$name ends by itself");
    }
    return $self->{status}{$name};
}

# --- Redis

sub redis_socket { "$_[0]{dir}/redis.sock" }

sub start_redis {
    my ($self, @options) = @_;
    $self->spawn('redis', [
        '/usr/bin/redis-server', '--port', 0, '--unixsocket', $self->redis_socket,
        '--dir', $self->{dir}, '--save', '', '--appendonly', 'no', @options,
    ]);
    $self->wait_for('redis', sub { ($self->redis('PING') // '') eq 'PONG' });
    return $self;
}

# One command, over redis-cli's wire format: its answer as text, number, undef, or a list.
sub redis {
    my ($self, @arguments) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $self->redis_socket) or return undef;
    print $socket '*' . @arguments . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @arguments;
    $socket->flush;
    return redis_answer($socket);
}

sub redis_answer {
    my ($socket) = @_;
    defined(my $line = <$socket>) or return undef;
    my ($type, $rest) = $line =~ /^(.)(.*)\r\n$/s or die "redis: $line";
    return $rest if $type eq '+' || $type eq ':';
    return "ERROR $rest" if $type eq '-';
    return undef if $rest < 0;
    return [map { redis_answer($socket) } 1 .. $rest] if $type eq '*';
    read $socket, my $text, $rest + 2;
    return substr $text, 0, $rest;
}

# --- Worker

sub store_uri {
    my ($self) = @_;
    if (!$self->{uri} && $self->{store} eq 'sqlite') {
        $self->{uri} = "sqlite:$self->{dir}/messaging.db";
    } elsif (!$self->{uri}) {
        my $name = 'messaging_test_' . $$ . '_' . int(rand 1e9);
        $self->{uri} = $ENV{MESSAGING_TEST_MONGODB} =~ s{^(mongodb://[^/?]+)/?[^?]*}{$1/$name}r;
    }
    return $self->{uri};
}

# Another store than the test's own; before the start.
sub store_at { my ($self, $uri) = @_; $self->{uri} = $uri; return $self }

# A command that runs the worker's, such as nsenter.
sub wrap_worker { my ($self, @wrap) = @_; $self->{wrap} = \@wrap; return $self }

sub worker_command {
    my ($self, @arguments) = @_;
    return [@{ $self->{wrap} || [] }, "$self->{build}/messaging-worker", @arguments, '--redis',
        'unix:' . $self->redis_socket, '--store', $self->store_uri];
}

sub start_worker {
    my ($self, $name, %env) = @_;
    $name ||= 'worker';
    $self->spawn($name, $self->worker_command('run'),
        env => { ASAN_OPTIONS => "log_path=$self->{dir}/sanitizer", %env });
    return $self;
}

# `messaging-worker COMMAND` to its end: exit code and output.
sub worker_run {
    my ($self, @arguments) = @_;
    my $name = 'worker-run-' . ++$self->{runs};
    $self->spawn($name, $self->worker_command(@arguments));
    $self->wait_for("end of @arguments", sub { !$self->alive($name) }, 120);
    return ($self->{status}{$name} >> 8, $self->read_file("$name.log"));
}

sub wait_ready {
    my ($self) = @_;
    $self->wait_for('status ok', sub { $self->get('/status')->{status} == 200 }, 30);
    return $self;
}

# --- nginx

# %%DIR%%, %%PORT%%, %%ROOT%%, %%MESSAGING%% (Redis, sign-in by the test's key, no rates) are expanded.
my $default_conf = <<'CONF';
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; }
        location /plain { return 200 plain; }
    }
CONF

sub expand {
    my ($self, $text) = @_;
    my %values = (
        DIR       => $self->{dir},
        PORT      => $self->{port},
        ROOT      => $root,
        MESSAGING => 'messaging_redis unix:' . $self->redis_socket
            . "; messaging_jwt $self->{dir}/key alg=HS256 cookie=session; messaging_rate off;",
    );
    $text =~ s/%%(\w+)%%/$values{$1} \/\/ die "no %%$1%%"/ge;
    return $text;
}

# Writes nginx.conf around what stands inside http { }.
sub conf {
    my ($self, $http, %options) = @_;
    my $processes = $options{processes} // 1;
    my $master = $options{master} // 'on';
    my $user = $> == 0 ? 'user root;' : '';
    my $temp = join ' ', map { "${_}_temp_path $self->{dir}/$_;" }
        qw(client_body proxy fastcgi uwsgi scgi);
    my $main = $options{main} // '';
    my $messaging = $options{bare} ? '' : '%%MESSAGING%%';
    $self->write_file('nginx.conf', $self->expand(<<"CONF"));
load_module $self->{build}/nginx/ngx_http_messaging_module.so;
daemon off;
master_process $master;
worker_processes $processes;
pid $self->{dir}/nginx.pid;
error_log $self->{dir}/error.log info;
$user
$main
events { worker_connections @{[ $options{connections} // 1024 ]}; }
http {
    access_log off;
    default_type text/plain;
    $temp
    $messaging
    $http
}
CONF
    return $self;
}

sub nginx_env {
    my ($self) = @_;
    return () if !$self->{asan};
    my $libraries = join ' ', map { chomp(my $path = `g++ -print-file-name=$_`); $path }
        qw(libasan.so libubsan.so);
    return (
        LD_PRELOAD   => $libraries,
        ASAN_OPTIONS => "detect_leaks=0:log_path=$self->{dir}/sanitizer",
        UBSAN_OPTIONS => 'print_stacktrace=1',
    );
}

sub nginx_command {
    my ($self, @arguments) = @_;
    return ['/usr/sbin/nginx', '-p', $self->{dir}, '-e', "$self->{dir}/error.log", '-c',
        "$self->{dir}/nginx.conf", @arguments];
}

# `nginx -t`: exit code and what it says.
sub nginx_test {
    my ($self) = @_;
    my $name = 'nginx-t-' . ++$self->{runs};
    $self->spawn($name, $self->nginx_command('-t'), env => { $self->nginx_env });
    $self->wait_for('nginx -t', sub { !$self->alive($name) });
    return ($self->{status}{$name} >> 8, $self->read_file("$name.log"));
}

sub start_nginx {
    my ($self) = @_;
    $self->conf($default_conf) if !-e "$self->{dir}/nginx.conf";
    $self->spawn('nginx', $self->nginx_command, env => { $self->nginx_env });
    $self->wait_for('nginx', sub {
        die "nginx did not start\n" . $self->tail if !$self->alive('nginx');
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
    });
    return $self;
}

# SIGHUP, until the new worker processes serve.
sub reload {
    my ($self) = @_;
    my %before = map { $_ => 1 } $self->nginx_workers;
    kill 'HUP', $self->pid('nginx');
    $self->wait_for('new nginx workers', sub {
        grep { !$before{$_} } $self->nginx_workers;
    });
    return [keys %before];
}

sub nginx_workers {
    my ($self) = @_;
    my $master = $self->pid('nginx');
    open my $file, '<', "/proc/$master/task/$master/children" or return;
    return split ' ', <$file> // '';
}

# --- All of it

sub run {
    my ($self) = @_;
    $self->start_redis;
    $self->start_worker('worker' . ($_ == 1 ? '' : $_)) for 1 .. $self->{workers};
    $self->start_nginx;
    $self->wait_ready if $self->{workers};
    return $self;
}

sub stop {
    my ($self) = @_;
    my %last = map { $_ => 1 } qw(redis);
    $self->end($_, $_ eq 'nginx' ? 'QUIT' : 'TERM')
        for sort { ($last{$a} // 0) <=> ($last{$b} // 0) } keys %{ $self->{pids} };
    return $self;
}

# Stops everything, then the two tests that end every file.
sub finish {
    my ($self) = @_;
    $self->stop_and_check;
    done_testing();
    return;
}

sub stop_and_check {
    my ($self) = @_;
    $_->close for values %{ delete $self->{streams} || {} };
    $self->stop;
    my $log = $self->read_file('error.log');
    my @alerts = grep { /\[(alert|emerg|crit)\]/ || /exited on signal/ } split /^/, $log;
    @alerts = grep { !($self->{expected} && /$self->{expected}/) } @alerts;
    is(join('', @alerts), '', 'no alerts');
    my $reports = join '', map { $self->read_file(s{.*/}{}r) } glob "$self->{dir}/sanitizer*";
    $reports .= join '', grep { /runtime error:|Sanitizer/ } map { split /^/, $self->read_file(s{.*/}{}r) }
        glob "$self->{dir}/*.log";
    is($reports, '', 'no sanitizer errors');
    return;
}

# Alerts that the test provokes on purpose, a pattern.
sub expect_alert { $_[0]{expected} = $_[1]; return $_[0] }

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{parent};
    local ($?, $@);
    for my $pid (values %{ $self->{pids} }) {
        kill 'CONT', -$pid;
        kill 'KILL', -$pid;
        waitpid $pid, 0;
    }
}

# --- Requests

sub token {
    my ($self, $user, %claims) = @_;
    my $ttl = delete $claims{ttl} // 3600;
    return encode_jwt(
        payload => { sub => $user, exp => int(time) + $ttl, %claims },
        key     => $self->{secret},
        alg     => 'HS256',
    );
}

sub headers_of {
    my ($self, %options) = @_;
    my %headers = %{ $options{headers} || {} };
    $headers{Authorization} //= 'Bearer ' . ($self->{tokens}{ $options{as} } //= $self->token($options{as}))
        if defined $options{as};
    $headers{'Idempotency-Key'} = $options{key} if defined $options{key};
    return \%headers;
}

# Body: a structure becomes JSON; a plain string is sent as it is. The answer is HTTP::Tiny's
# with `json`, where the body is JSON.
sub request {
    my ($self, $method, $path, $body, %options) = @_;
    my $headers = $self->headers_of(%options);
    if (defined $body) {
        $headers->{'Content-Type'} //= 'application/json';
        $body = $json->encode($body) if ref $body && ref $body ne 'CODE';
    }
    my $http = $self->{http}{$$} //= HTTP::Tiny->new(timeout => 30, keep_alive => 1);
    my $base = $options{base} // "http://127.0.0.1:$self->{port}/api/messages";
    my $answer = $http->request($method, $base . $path,
        { headers => $headers, defined $body ? (content => $body) : () });
    $answer->{json} = eval { $json->decode($answer->{content}) }
        if ($answer->{headers}{'content-type'} // '') =~ m{json};
    return $answer;
}

# What a GET answers as soon as it is 200.
sub fetch {
    my ($self, $path, $user, $limit) = @_;
    my $answer;
    $self->wait_for("GET $path", sub {
        $answer = $self->get($path, as => $user);
        $answer->{status} == 200;
    }, $limit);
    return $answer->{json};
}

sub get   { my ($self, $path, @rest) = @_; $self->request('GET', $path, undef, @rest) }
sub post  { my $self = shift; $self->request('POST', @_) }
sub patch { my $self = shift; $self->request('PATCH', @_) }

# A conversation of the first with the others, opened; its id.
sub open_conversation {
    my ($self, $starter, @others) = @_;
    my $answer = $self->post('/conversations', { members => \@others }, as => $starter);
    die "start: $answer->{status} $answer->{content}" if $answer->{status} !~ /^20/;
    return $answer->{json}{conversation}{id};
}

sub send_text {
    my ($self, $user, $conversation, $text, %options) = @_;
    return $self->post("/conversations/$conversation/messages", { content => $text },
        as => $user, %options);
}

# An open event stream of the user's (Test::Messaging::Stream), past its `hello`.
sub stream {
    my ($self, $user, %options) = @_;
    my $stream = Test::Messaging::Stream->new(
        port    => $options{port} // $self->{port},
        path    => $options{path} // '/api/messages/stream',
        headers => $self->headers_of(as => $user, headers => $options{headers}),
    );
    $stream->event('hello') if !$options{raw};
    $self->{streams}{$stream} = $stream;
    return $stream;
}

1;
