#!/usr/bin/perl

# Redis with a password, an ACL user and a database number; two installations on one Redis, kept
# apart by their prefix, hear and see nothing of each other.

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
my $other = Test::Messaging::free_port();
my $wrong = Test::Messaging::free_port();
my $socket = $t->redis_socket;
$t->write_file('password', "open sesame\r\nand what nobody reads\n");
$t->write_file('users.acl', "user default off\nuser messaging on #" . sha256_hex('open sesame') . " ~* &* +\@all\n");

# The same Redis and key, another prefix and another nginx.
sub server {
    my ($name, $port, $redis) = @_;
    $t->conf(<<"CONF", bare => 1);
    messaging_redis unix:$socket $redis;
    server {
        listen 127.0.0.1:$port;
        location /api/messages { messaging; messaging_jwt %%DIR%%/key alg=HS256; }
    }
CONF
    my $conf = $t->read_file('nginx.conf') =~ s/error\.log/$name.error.log/r =~ s/nginx\.pid/$name.pid/r;
    $t->write_file("$name.conf", $conf);
    my $command = $t->nginx_command;
    $command->[-1] = "$t->{dir}/$name.conf";
    $t->spawn($name, $command, env => { $t->nginx_env });
}

my $access = 'user=messaging password_file=%%DIR%%/password db=3';
$t->spawn('redis', ['/usr/bin/redis-server', '--port', 0, '--unixsocket', $socket, '--dir', $t->dir, '--save', '',
    '--aclfile', "$t->{dir}/users.acl"]);
$t->wait_for('redis', sub { -S $socket });
server('one', $t->port, "$access prefix=one:");
server('two', $other, "$access prefix=two:");
server('wrong', $wrong, 'prefix=one:');
my @worker = ('--redis-user', 'messaging', '--redis-password-file', "$t->{dir}/password", '--redis-db', 3);
for my $name ('one', 'two') {
    my $command = $t->worker_command('run');
    $command->[-1] = "sqlite:$t->{dir}/$name.db";
    $t->spawn("worker-$name", [@$command, @worker, '--prefix', "$name:"]);
}
$t->wait_ready;
my $two = "http://127.0.0.1:$other/api/messages";
$t->wait_for('the other', sub { $t->get('/status', base => $two)->{status} == 200 });
pass('signed in to Redis, in a database of its own');

my $here = $t->stream('bob');
my $there = $t->stream('bob', port => $other);
my $id = $t->open_conversation('alice', 'bob');
is($t->send_text('alice', $id, 'in the first')->{status}, 201, 'the first installation works');
is($here->event('message')->{json}{content}, 'in the first', 'live');
is($t->get("/conversations/$id", as => 'alice', base => $two)->{status}, 404, 'the second knows nothing of it');
is($t->post("/conversations", { members => ['bob'], content => 'in the second' }, as => 'alice',
    base => $two)->{status}, 201, 'and works too');
is($there->event('message')->{json}{content}, 'in the second', 'live');
is(scalar(grep { $_->{event} eq 'message' } $there->events), 1, 'and heard nothing of the first');

my $r = $t->get('/unread-count', as => 'bob', base => "http://127.0.0.1:$wrong/api/messages");
is("$r->{status} $r->{json}{code}", '503 redis_unavailable', 'without the password: 503');
like($t->read_file('wrong.error.log'), qr/messaging: redis .*NOAUTH/, 'and the log says why');
unlike(join('', map { $t->read_file(s{.*/}{}r) } glob "$t->{dir}/*.log"), qr/sesame/, 'no password in a log');

$t->finish;
