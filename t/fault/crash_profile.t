#!/usr/bin/perl

# The worker dies at each of its crash points under commands of a site with a profile, and Redis at
# that instant keeps everything or forgets it all, the profile too. A first message is confirmed
# exactly once, a message that reopens has done so, and who was hinted at has a name. Where its caller
# never comes back, the next message makes up for it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use Test::More;
use Test::Messaging;
use Test::Messaging::Case;
use Test::Messaging::Jobs qw(run_jobs);
use Test::Messaging::Load;
use Test::Messaging::Nemesis;

# As schema/profile.cpp writes it; by hand, since the commands are too.
my $view = '{"all":true,"fields":[]}';
my $profile = qq({"name":"venues","conversation":$view,"message":$view,"answers":[],"rules":{"openers":[],)
    . q("changers":[],"contentRequired":true,"reopens":true,"knownOnly":false,"confirmer":"partner",)
    . q("confirmation":"Thank you {name}."}});
# Without the confirmation and the reopening: a run that got no further.
my $half = $profile =~ s/"reopens":true/"reopens":false/r =~ s/"confirmer":"partner","confirmation":"[^"]*"/"confirmer":"","confirmation":""/r;

run_jobs(4,
    (map { my $harm = $_; ["Redis $harm: at all points", sub { at_all_points($harm) }] } 'kept', 'flushed'),
    ['nobody repeats', \&nobody_repeats]);
done_testing();

sub digest { return substr sha256_hex(join '', map { length($_) . ":$_" } @_), 0, 32 }

# What a module does before any command, and does again when it is told that the profile is unknown.
sub store_profile {
    my ($t) = @_;
    return map { $t->redis('SET', 'messaging:profile:' . digest('profile', $_), $_) } $profile, $half;
}

# A command as the module enqueues it. Its reply goes to nobody.
sub enqueue {
    my ($t, $op, $user, $conversation, $key, $body, $under) = @_;
    my $shard = hex(substr digest('shard', $conversation), 0, 8) % 16;
    return $t->redis('XADD', "messaging:{w$shard}:commands", '*', v => 1, op => $op,
        id => digest($op, $user, $key), site => 'default', user => $user, role => 'client', name => 'Alice',
        conv => $conversation, key => "c:$key", body => $t->json->encode($body), reply => 'nobody', ttl => 20000,
        profile => digest('profile', $under // $profile));
}

sub site {
    my $t = Test::Messaging->new;
    $t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        messaging_timeout 2s;
        location /api/messages { messaging; }
    }
CONF
    $t->run;
    return $t;
}

sub at_all_points {
    my ($harm) = @_;
    my $t = site();
    my $n = 0;
    for my $point (Test::Messaging::Nemesis::crash_points()) {
        my ($alice, $bob) = ('alice' . ++$n, "bob$n");
        my $id = Test::Messaging::Load::conversation_id($alice, $bob);
        my $start = sub {
            enqueue($t, 'start', $alice, $id, 'start', { members => [$alice, $bob], content => 'hello',
                hints => [{ id => $bob, name => 'Bob', role => 'partner' }] });
        };
        dies_at($t, $point, $harm, $start);
        is(history($t, $alice, $id), 'hello|Thank you Alice.', "$point: confirmed once");
        my $seen = $t->fetch("/conversations/$id", $alice);
        is($seen->{members}[1]{name}, 'Bob', "$point: who was hinted at has a name");
        is_deeply([numbers($t, $id, $alice), numbers($t, $id, $bob)], ['2 0 1', '2 0 1'],
            "$point: each has one to read");

        $t->wait_for('closed', sub {
            $t->patch("/conversations/$id", { status => 'closed' }, as => $bob, key => 'close')->{status} == 200;
        });
        dies_at($t, $point, $harm, sub {
            enqueue($t, 'send', $alice, $id, 'send', { content => 'again' });
        });
        is(history($t, $alice, $id), 'hello|Thank you Alice.|again', "$point: stored once");
        is_deeply([map { listed($t, $id, $_)->{status} } $alice, $bob], ['open', 'open'], "$point: open again");
    }
    my ($code, $output) = $t->worker_run('check');
    is($code, 0, 'check finds no drift') or diag $output;
    $t->finish;
    return;
}

# What a run left half done that neither Redis nor the caller speaks of any more: found by who writes next.
sub nobody_repeats {
    my $t = site();
    store_profile($t);
    my ($alice, $bob) = ('alice', 'bob');
    my $id = Test::Messaging::Load::conversation_id($alice, $bob);
    my $text = 'hello';
    my $says = sub {
        my ($key, $under) = @_;
        enqueue($t, 'send', $alice, $id, $key, { content => $key }, $under);
        $text .= "|$key";
        return $t->wait_for($key, sub { history($t, $alice, $id) =~ /\Q$key\E/ });
    };
    enqueue($t, 'start', $alice, $id, 'start', { members => [$alice, $bob], content => 'hello',
        hints => [{ id => $bob, name => 'Bob', role => 'partner' }] }, $half);
    $t->wait_for('hello', sub { ($t->get("/conversations/$id", as => $alice)->{status} // 0) == 200 });
    $says->('one');
    $text .= '|Thank you Alice.';
    $says->('two');
    $says->('three');
    is(history($t, $alice, $id), $text, 'the next message is confirmed, once');
    # What stores it piece by piece shows a message before its numbers and its change.
    ok($t->wait_for('the numbers', sub { join(' ', numbers($t, $id, $bob)) eq '5 0 4' }), 'and all count');

    is($t->patch("/conversations/$id", { status => 'closed' }, as => $bob, key => 'close')->{status}, 200, 'closed');
    $says->('lost', $half);
    is(listed($t, $id, $bob)->{status}, undef, 'still closed');
    $says->('again');
    ok($t->wait_for('it opens', sub { (listed($t, $id, $bob)->{status} // '') eq 'open' }), 'the next message opens it');
    is(history($t, $alice, $id), $text, 'and nothing is confirmed again');
    my ($code, $output) = $t->worker_run('check');
    is($code, 0, 'check finds no drift') or diag $output;
    $t->finish;
    return;
}

# The command is run by a worker that dies of it, and by the next one.
sub dies_at {
    my ($t, $point, $harm, $command) = @_;
    $t->wait_for('rest', sub { Test::Messaging::Case::at_rest($t) });
    $t->end('worker', 'KILL');
    store_profile($t);
    $t->start_worker('worker', MESSAGING_CRASH_AT => $point);
    $command->();
    $t->wait_for('the crash', sub { !$t->alive('worker') });
    if ($harm eq 'flushed') {
        $t->redis('FLUSHALL');
    }
    $t->start_worker;
    if ($harm eq 'flushed') {    # its caller repeats, under the same key
        store_profile($t);
        $command->();
    }
    $t->wait_for('rest', sub { Test::Messaging::Case::at_rest($t) });
    return;
}

sub history {
    my ($t, $user, $id) = @_;
    return join '|', map { $_->{content} } @{ $t->fetch("/conversations/$id/messages", $user)->{messages} };
}

sub listed {
    my ($t, $id, $user) = @_;
    my ($one) = grep { $_->{id} eq $id } @{ $t->fetch('/conversations?status=open', $user)->{conversations} };
    return $one // {};
}

sub numbers {
    my ($t, $id, $user) = @_;
    return join ' ', map { $_ // '-' } @{ listed($t, $id, $user) }{qw(lastSeq readSeq unreadCount)};
}
