#!/usr/bin/perl

# What comes from Redis is not believed: garbage on the channels reaches no browser and breaks
# nothing; late replies are ignored.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; messaging_timeout 1s; }
    }
CONF
$t->run;
my $id = $t->open_conversation('alice', 'bob');
my $bob = $t->stream('bob');

my @garbage = ('', "\n", 'x', "1\n", "1 2 3 4 5\n", '1 ' . 'a' x 32 . " 200 - -\n{\"a\":",
    '1 ' . 'a' x 32 . " 200 - -\n{}", '1 ' . 'a' x 32 . " 99999 - -\n{}", "2 1-1 1-2\nmessage {}\n",
    "1 1-1 1-2\nmessage {}", "1 1-1\nmessage {}\n", "1 1-1 1-2\nbye {}\nmessage", "1 1-1 1-2\nMESSAGE {}\n",
    "1 99999999999999999999-1 1-2\nmessage {}\n", "1 1-1 1-2\nmessage {\"a\":\"\xff\"}\n",
    "1 0-0 0-0\nmessage not-json\n", "1 1-1 1-2\nmessage {}\r\nevent: bye\n", "\0" x 100, 'z' x 200_000);
my @channels = @{ $t->redis('PUBSUB', 'CHANNELS') };
cmp_ok(scalar @channels, '>=', 2, 'the module listens');
for my $channel (@channels) {
    $t->redis('PUBLISH', $channel, $_) for @garbage;
}
my $before = scalar grep { $_->{event} !~ /^(hello|reset)$/ } $bob->events;
my $r = $t->send_text('alice', $id, 'after garbage');
is($r->{status}, 201, 'commands work');
is($bob->event('message', sub { exists $_[0]{seq} })->{json}{content}, 'after garbage', 'and streams');
is(scalar(grep { $_->{event} !~ /^(hello|reset|conversation|message|unread)$/ } $bob->events), 0,
    'nothing forged got through');

# Garbage where commands stand: answered or put aside, and the others go on.
for my $shard (0 .. 15) {
    $t->redis('XADD', "messaging:{w$shard}:commands", '*', 'v', 1, 'op', 'explode');
    $t->redis('XADD', "messaging:{w$shard}:commands", '*', 'x', 'y');
    $t->redis('XADD', "messaging:{w$shard}:commands", '*', 'v', 99, 'op', 'send', 'id', 'a' x 32,
        'reply', $channels[0]);
}
$t->redis('XADD', 'messaging:{reads}:commands', '*', 'v', 1, 'op', 'list', 'site', "\xff");
is($t->send_text('alice', $id, 'after bad commands')->{status}, 201, 'bad commands stop nobody');
$t->wait_for('empty streams', sub {
    !grep { $t->redis('XLEN', "messaging:{w$_}:commands") } 0 .. 15;
});
pass('and leave nothing behind');

# Keys of another type where ours should be.
my $log = (grep { !/badge/ } @{ $t->redis('KEYS', 'messaging:{*}:log:*') })[0];
$t->redis('DEL', $log);
$t->redis('SET', $log, 'a string');
like($t->send_text('alice', $id, 'odd log')->{status}, qr/^20|^50/, 'a log of the wrong type: an honest answer');
$t->redis('DEL', $log);
$t->wait_for('recovery', sub { $t->send_text('alice', $id, 'recovered', key => 'r')->{status} =~ /^20/ });
pass('and it recovers');

$t->finish;
