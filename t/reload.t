#!/usr/bin/perl

# nginx -s reload and quit with open streams: each ends with `bye`, the old process is gone in
# time, no alert, and who comes back missed nothing.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;
use Time::HiRes qw(time);

my $t = Test::Messaging->new;
$t->conf(<<'CONF', connections => 4096);
    messaging_drain_time 4s;
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; messaging_streams_per_user 1000; }
    }
CONF
$t->run;
my $id = $t->open_conversation('alice', 'bob');
my @streams = map { $t->stream('bob') } 1 .. 100;
$t->send_text('alice', $id, 'before');
$_->event('message') for @streams;

my $start = time;
my $old = $t->reload;
my %at;
$t->wait_for('the end of all streams', sub {
    for my $stream (@streams) {
        $stream->pump(0);
        $at{$stream} //= time if $stream->closed || $stream->{ended};
    }
    keys %at == @streams;
});
my @byes = map { (grep { $_->{event} eq 'bye' } $_->events)[0] } @streams;
is(scalar(grep { $_ && $_->{json}{code} eq 'reload' } @byes), 100, 'each says bye');
my @times = sort { $a <=> $b } map { $_ - $start } values %at;
cmp_ok($times[-1], '<', 5, 'within the drain time');
cmp_ok($times[-1] - $times[0], '>', 1, 'and not all at once');
my %retry = map { $_->retry => 1 } @streams;
cmp_ok(scalar keys %retry, '>', 10, 'they are told different times to come back');
$t->wait_for('the end of the old process', sub { !grep { -e "/proc/$_" } @$old });
cmp_ok(time - $start, '<', 6, 'the old process is gone');

$t->send_text('alice', $id, 'meanwhile');
my @again = map { $t->stream('bob', headers => { 'Last-Event-ID' => $_->last_id }) } @streams[0 .. 9];
for my $stream (@again) {
    is($stream->event('message')->{json}{content}, 'meanwhile', 'who comes back missed nothing');
}

# Reload upon reload, with requests all the time.
my $failed = 0;
for my $n (1 .. 5) {
    $t->reload;
    my $r = $t->send_text('alice', $id, "reload $n", key => "reload $n");
    $failed++ if $r->{status} !~ /^20/;
}
is($failed, 0, 'no request fails in five reloads');

my $last = $t->stream('bob');
kill 'QUIT', $t->pid('nginx');
is($last->event('bye')->{json}{code}, 'reload', 'quit: bye');
$t->wait_for('the end of nginx', sub { !$t->alive('nginx') });
pass('quit: nginx ends');

$t->finish;
