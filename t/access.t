#!/usr/bin/perl

# Who may do what: every operation of schema/openapi.yaml, for each kind of conversation, asked by
# members and by everybody who is none. What is another's looks as if it were not there: the same
# answer, byte for byte, and no word of it anywhere, in lists, searches, badges and streams.

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
        messaging_teams desk shop;
        messaging_rate off;
        location /api/messages { messaging; }
        location /other { messaging site=other; }
    }
CONF
$t->run;
my $other = 'http://127.0.0.1:' . $t->port . '/other';

my @operations = map { $t->json->decode($_) } split /\n/,
    scalar `python3 '$FindBin::Bin/lib/operations.py' '$FindBin::Bin/../schema/openapi.yaml'`;
cmp_ok(scalar @operations, '>', 10, 'operations are read');

# --- Conversations, each with words that only its members may meet

sub role { my ($user, $role) = @_; $t->{tokens}{$user} = $t->token($user, $role ? (role => $role) : ()); return }
role('ann', 'desk');
my %start = (
    direct => { members => ['bob'] },
    ticket => { members => ['bob'], kind => 'ticket', subject => 'Secret0subject' },
    context => { members => ['bob'], context => { type => 'product', id => 'secret0thing' } },
    group => { members => ['bob', 'carl'] },
    team => { members => ['team:desk'] },
    silent => { members => ['bob', 'dora'] },
);
my (%id, @words);
for my $kind (sort keys %start) {
    my %body = (%{ $start{$kind} }, $kind eq 'silent' ? () : (content => "Secret0$kind", key => $kind));
    delete $body{key};
    my $r = $t->post('/conversations', \%body, as => 'alice', key => "secret0key0$kind");
    $id{$kind} = $r->{json}{conversation}{id};
    push @words, $id{$kind};
}
$t->get('/conversations', as => $_) for 'bob', 'ann';
push @words, 'Secret0', 'secret0', 'alice';

# Those who are none of its members. The word of who asks is their own, and not looked for.
role('eve');
role('sam', 'shop');
my %strangers = (
    'a stranger'                     => sub { (as => 'eve') },
    'of another team'                => sub { (as => 'sam') },
    'the member on another site'     => sub { (as => 'alice', base => $other) },
    'the same people, another site'  => sub { (as => 'bob', base => $other) },
    'whose name is nearly the same'  => sub { (headers => { Authorization => 'Bearer ' . $t->token('Alice') }) },
    'who signs in as a team'         => sub { (headers => { Authorization => 'Bearer ' . $t->token('team:desk') }) },
);
my %gone = ('whose role is another now' => sub { (as => 'ann') });

# Of an answer, what must not tell one thing from another.
sub face {
    my ($r) = @_;
    return join "\n", $r->{status}, $r->{content} // '', map { "$_: " . ($r->{headers}{$_} // '') }
        grep { !/^(?:date|connection|keep-alive|server)$/ } sort keys %{ $r->{headers} };
}

# The words that an answer tells; who asks may meet their own name.
sub told {
    my ($r, $own) = @_;
    my $text = join ' ', $r->{content} // '', map { "$_" } values %{ $r->{headers} };
    return join ' ', grep { $_ ne ($own // '') && index($text, $_) >= 0 } @words;
}

sub ask {
    my ($operation, $id, @who) = @_;
    my $path = $operation->{path} =~ s/\{id\}/$id/r;
    $path .= '?' . join '&', map { "$_=secret0" } @{ $operation->{query} } if @{ $operation->{query} };
    my $body = $operation->{body};
    $body = { %$body, members => ['someone'] } if $body && $body->{members};
    return $t->request($operation->{method}, $path, $body, @who);
}

my @of_one = grep { $_->{path} =~ /\{id\}/ } @operations;
my @of_all = grep { $_->{path} !~ /\{id\}/ && $_->{id} ne 'stream' } @operations;
is(@of_one + @of_all + 1, scalar @operations, 'none is left out');
my %absent = ('never made' => 'f' x 32, 'no id of ours' => 'x', 'escaped' => '%2e%2e%2f' . $id{direct},
    'of other letters' => uc $id{direct});

# --- One conversation

sub matrix {
    my ($people, @kinds) = @_;
    for my $operation (@of_one) {
        my $name = "$operation->{method} $operation->{path}";
        for my $who (sort keys %$people) {
            my @who = $people->{$who}->();
            my $nothing = ask($operation, 'f' x 32, @who);
            my @bad = grep {
                my $r = ask($operation, $id{$_}, @who);
                $r->{status} !~ /^40[14]$/ || face($r) ne face($nothing) || told($r);
            } @kinds;
            is("@bad", '', "$name, $who: nothing");
        }
        my @open = grep { my $r = ask($operation, $_); $r->{status} != 401 || told($r) } @id{@kinds}, 'f' x 32;
        is("@open", '', "$name, without sign-in: nothing");
    }
    return;
}
matrix(\%strangers, sort keys %id);
for my $operation (@of_one) {
    for my $kind (sort keys %absent) {
        is(ask($operation, $absent{$kind}, as => 'alice')->{status}, 404, "$operation->{method} $operation->{path}: $kind");
    }
    for my $member (['alice', sort keys %id], ['bob', grep { $_ ne 'team' } sort keys %id], ['ann', 'team']) {
        my ($who, @kinds) = @$member;
        my @bad = grep { ask($operation, $id{$_}, as => $who)->{status} !~ /^20[014]$/ } @kinds;
        is("@bad", '', "$operation->{method} $operation->{path}: $who, a member");
    }
}

# --- What is about all of somebody's

my $alices = $t->get('/conversations?limit=1', as => 'alice')->{json}{nextCursor};
ok($alices, 'a cursor of hers');
sub others_see_nothing {
    my ($people) = @_;
    for my $who (sort keys %$people) {
        my @who = $people->{$who}->();
        for my $operation (@of_all) {
            my $r = ask($operation, '', @who);
            is(told($r, {@who}->{as}), '', "$operation->{method} $operation->{path}, $who: not a word");
            next if $operation->{open};
            is(ask($operation, '')->{status}, 401, "$operation->{method} $operation->{path}, without sign-in");
        }
        for my $path ("/conversations?cursor=$alices", '/conversations?context=product:secret0thing', '/conversations?q=secret0subject',
            '/search?q=Secret0direct', '/search?q=secret0team', "/search?q=sec&cursor=$alices") {
            my $r = $t->get($path, @who);
            is(told($r, {@who}->{as}), '', "$path, $who: not a word");
            like($r->{status}, qr/^(?:200|400|401)$/, 'and said so');
        }
        is($t->get('/unread-count', @who)->{json}{count} // 0, 0, "$who: no badge");
    }
    return;
}
others_see_nothing(\%strangers);

# --- Streams: nobody's but the members'

my %streams = (eve => $t->stream('eve'), sam => $t->stream('sam'), bob => $t->stream('bob'), ann => $t->stream('ann'));
for my $kind (grep { $_ ne 'silent' } sort keys %id) {
    $t->send_text('alice', $id{$kind}, "Secret0again $kind");
    ask($_, $id{$kind}, as => 'alice') for @of_one;
    $streams{ $kind eq 'team' ? 'ann' : 'bob' }->event('message');
}
# Their own event comes after everything that was said before.
for my $who ('eve', 'sam') {
    $t->post('/conversations', { members => ['zoe'], content => 'mine' }, as => $who);
    $streams{$who}->event('message');
    my $text = $t->json->encode([map { $_->{json} } $streams{$who}->events]);
    is(join(' ', grep { index($text, $_) >= 0 } @words), '', "$who: no word in the stream");
}
my $team = $t->json->encode([map { $_->{json} } $streams{ann}->events]);
unlike($team, qr/Secret0again (?!team)/, "the team's stream has the team's only");

# A position in another's log is no way into it.
my ($position) = map { $_->{id} // () } reverse $streams{bob}->events;
ok($position, 'a position in the log of bob');
my $sneak = $t->stream('eve', raw => 1, headers => { 'Last-Event-ID' => $position });
$sneak->event('hello');
$t->post('/conversations', { members => ['zoe'], content => 'mine again' }, as => 'eve');
$sneak->event('message');
my $text = $t->json->encode([map { $_->{json} } $sneak->events]);
is(join(' ', grep { index($text, $_) >= 0 } @words), '', "eve with bob's position: no word");

# --- Keys are their user's

my $r = $t->request('POST', '/conversations', { members => ['bob'], content => 'Secret0direct' }, as => 'eve', key => 'secret0key0direct');
isnt($r->{json}{conversation}{id}, $id{direct}, "alice's key with eve finds nothing of hers");

# --- A role that is gone

my $before = $streams{ann};
role('ann', 'shop');
$t->get('/conversations', as => 'ann');
$before->event('bye');
matrix(\%gone, 'team');
others_see_nothing(\%gone);
role('ann');
matrix(\%gone, 'team');
others_see_nothing(\%gone);

$t->finish;
