#!/usr/bin/perl

# Presence: who shares a conversation sees who is there and when they last were; a change of page does
# not show, a site may not want it, and what Redis forgets is unknown for a moment and then right.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new;
$t->conf(<<'CONF');
    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/messages { messaging; }
        location /quiet { messaging; messaging_presence off; }
        location /other { messaging site=other; }
    }
CONF
$t->run;
my ($true, $false) = (JSON::PP::true(), JSON::PP::false());
my $id = $t->open_conversation('alice', 'bob');
$t->send_text('alice', $id, 'hello');
my $other = $t->open_conversation('alice', 'carol');
$t->send_text('alice', $other, 'hello');

# Of a member, as alice sees it: by itself and in her list, which agree.
sub seen {
    my ($who, $from) = @_;
    $from ||= $who eq 'carol' ? $other : $id;
    my ($one) = grep { $_->{id} eq $who } @{ $t->get("/conversations/$from", as => 'alice')->{json}{members} };
    my ($listed) = grep { $_->{id} eq $who } map { @{ $_->{members} } } grep { $_->{id} eq $from }
        @{ $t->get('/conversations', as => 'alice')->{json}{conversations} };
    is_deeply([$listed->{id}, defined $listed->{online}], [$who, defined $one->{online}], "$who: listed likewise")
        if @_ == 3;
    return $one;
}

$t->get('/unread-count', headers => { Authorization => 'Bearer ' . $t->token('carol', name => 'Carol', role => 'seller') });
my $alice = $t->stream('alice');
is(seen('bob')->{online}, undef, 'nobody knows of bob');
is(seen('bob')->{lastSeenAt}, undef, 'nor when he was there');
my $bob = $t->stream('bob');
my $event = $alice->event('presence', sub { $_[0]{userId} eq 'bob' });
is($event->{json}{online}, $true, 'bob comes');
like($event->{json}{lastSeenAt}, qr/^20\d\d-\d\d-\d\dT[\d:]+\.\d{3}Z$/, 'now');
is_deeply([sort keys %{ $event->{json} }], [qw(lastSeenAt online userId)], 'that is all');
is(seen('bob', $id, 1)->{online}, $true, 'he is there');
my $page = $t->stream('bob');
$bob->close;
$page->close;
$bob = $t->stream('bob');
my $carol = $t->stream('carol');
$alice->event('presence', sub { $_[0]{userId} eq 'carol' });
is(scalar(grep { $_->{event} eq 'presence' && $_->{json}{userId} eq 'bob' } $alice->events), 1,
    'a change of page is not told');
$bob->close;
$event = $alice->event('presence', sub { $_[0]{userId} eq 'bob' });
is($event->{json}{online}, $false, 'bob goes');
is(seen('bob', $id, 1)->{online}, $false, 'he is not there');
is(seen('bob')->{lastSeenAt}, $event->{json}{lastSeenAt}, 'but was');
is(seen('carol')->{online}, $true, 'carol is');
is_deeply([@{ seen('carol') }{qw(role name)}], [qw(seller Carol)], 'and is called what she was');

# Strangers, other sites, and who does not want it.
my $eve = $t->stream('eve');
my $sunday = $t->stream('alice', path => '/other/stream');
my $quiet = $t->stream('bob', path => '/quiet/stream');
$t->send_text('alice', $id, 'are you there?');
$quiet->event('message');
is(seen('bob')->{online}, $false, 'a site may say nothing');
$bob = $t->stream('bob');
$alice->event('presence', sub { $_[0]{userId} eq 'bob' && $_[0]{online} });
$t->open_conversation('eve', 'dave');
$eve->event('conversation');
$t->send_text('alice', $id, 'now you are');
$bob->event('message', sub { $_[0]{content} eq 'now you are' });
is(scalar(grep { $_->{event} eq 'presence' } $carol->events), 0, 'carol does not know bob');
is(scalar(grep { $_->{event} eq 'presence' } $eve->events, $sunday->events), 0, 'strangers and other sites hear nothing');

# Redis forgets.
$t->redis('FLUSHALL');
$t->wait_for('bob', sub { (seen('bob')->{online} // 0) == 1 }, 60);
pass('what Redis forgot is known again');
$t->end('redis', 'KILL');
$t->start_redis;
$t->wait_ready;
$t->wait_for('bob', sub { (seen('bob')->{online} // 0) == 1 }, 60);
pass('after another Redis came too');
my @keys = @{ $t->redis('KEYS', '*:presence') };
cmp_ok(scalar @keys, '>=', 2, 'one key each');
$t->redis('SET', $_, 'garbage') for @keys;
is($t->get('/conversations', as => 'alice')->{status}, 200, 'garbage in its place is nothing');

$t->finish;
