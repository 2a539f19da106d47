#!/usr/bin/perl

# `messaging-worker import`: collections in the shapes of Prisma and Mongoose become
# conversations; old ids work afterwards, twice is once, and a kill anywhere costs nothing but
# another run.

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;
use Test::Messaging::Mongo qw(oid date int64 bool document);

plan(skip_all => 'no MongoDB server: set MESSAGING_TEST_MONGODB') if !$ENV{MESSAGING_TEST_MONGODB};

my $t = Test::Messaging->new;
my @sites = qw(wedding market desk garage rooms crash large);
$t->conf("server { listen 127.0.0.1:%%PORT%%;\n"
    . join('', map { "location /$_ { messaging site=$_; }\n" } @sites)
    . "location /api/messages { messaging; } }");
$t->run;

my $day = 86_400_000;
my $start = 1_600_000_000_000;

my $runs = 0;

sub import_run {
    my ($source, $from, $site, @options) = @_;
    my $name = 'import-run-' . ++$runs;
    $t->spawn($name, $t->worker_command('import', '--source', $source->uri, '--from', $from, '--site', $site,
        '--data', $t->root . '/schema', @options));
    $t->wait_for("the end of $name", sub { !$t->alive($name) }, 900);
    return ($t->{status}{$name} >> 8, $t->read_file("$name.log"));
}

sub api {
    my ($site, $method, $path, $as, $body) = @_;
    my $answer = $t->request($method, $path, $body, as => $as,
        base => 'http://127.0.0.1:' . $t->port . "/$site");
    return wantarray ? ($answer->{status}, $answer->{json}) : $answer->{json};
}

sub texts {
    my ($site, $id, $as) = @_;
    return join ' ', map { "$_->{seq}:$_->{content}" }
        @{ api($site, 'GET', "/conversations/$id/messages", $as)->{messages} };
}

# What a search finds, the newest first.
sub found {
    my ($site, $q, $as) = @_;
    return join ' ', map { "$_->{conversationId}/$_->{seq}" } @{ api($site, 'GET', "/search?q=$q", $as)->{messages} };
}

# schema/README.md, "Derived ids".
sub derived_id {
    return substr sha256_hex(join '', map { length($_) . ":$_" } 'direct', @_), 0, 32;
}

sub report { return $t->json->decode($t->read_file('report.json')) }

# --- monmariage, as Prisma writes it, with all that may be wrong

{
    my $source = Test::Messaging::Mongo->new;
    my ($ann, $bob, $eve) = map { oid($_) } 1 .. 3;
    my ($a, $b) = map { Test::Messaging::Mongo::hex_of($_) } $ann, $bob;
    my @conversations = map { oid($_) } 11 .. 19;
    my @ids = map { Test::Messaging::Mongo::hex_of($_) } @conversations;
    $source->insert('User',
        { _id => $ann, name => 'Ann', email => 'ann@x', role => 'CLIENT' },
        { _id => $bob, name => "Ch\x{e2}teau", role => 'PARTNER' },
        { _id => oid(4), name => "a\nb" });
    my $conversation = sub {
        my ($n, @more) = @_;
        return { _id => $conversations[$n], clientId => $ann, partnerId => $bob, storefrontId => "front$n",
            createdAt => date($start + $n), @more };
    };
    $source->insert('Conversation', $conversation->(0), $conversation->(1), $conversation->(2, partnerId => undef),
        $conversation->(3, storefrontId => 'front0'), $conversation->(4, partnerId => $eve), $conversation->(5));
    my $n = 0;
    my $message = sub {
        my ($of, $from, $text, $at, @more) = @_;
        return { _id => oid(1000 + ++$n), conversationId => $conversations[$of], senderId => $from, content => $text,
            createdAt => date($start + $at), read => bool(0), @more };
    };
    $source->insert('Message',
        $message->(0, $bob, 'third', 30, read => bool(1)),
        $message->(0, $ann, 'first', 10, read => bool(1)),
        $message->(0, $ann, ' second ', 20, read => bool(1)),
        $message->(0, $bob, 'fourth', 30),
        $message->(0, $bob, 'fifth', 50, read => bool(1)),
        $message->(0, $ann, "  \n ", 60),
        $message->(0, $eve, 'who?', 61),
        $message->(0, $ann, 'x' x 10_001, 70),
        $message->(1, $ann, 'undated', 0, createdAt => undef),
        $message->(2, $ann, 'lost', 5),
        $message->(3, $ann, 'beside', 5),
        $message->(4, $ann, 'hello eve', 5),
        $message->(8, $ann, 'of nothing', 5),
        $message->(0, $ann, 'of null', 5, conversationId => undef));
    my @report = ('--report', $t->dir . '/report.json');
    my ($code, $output) = import_run($source, 'monmariage', 'wedding', '--dry-run', @report);
    is($code, 0, 'a dry run') or diag $output;
    my $dry = report();
    is_deeply($dry->{odd}{$_}{count}, $dry->{odd}{$_} && 1, "odd: $_")
        for qw(textEmpty textCut senderNoMember dateMissing membersMissing secondConversation readAfterUnread
        userWrong memberUnknown);
    is($dry->{odd}{noConversation}{count}, 3, 'odd: of no conversation');
    is_deeply($dry->{odd}{membersMissing}{examples}, [$ids[2]], 'and which');
    ok($dry->{dryRun} && $dry->{complete}, 'it says what it is');
    is(@{ api('wedding', 'GET', '/conversations', $a)->{conversations} }, 0, 'a dry run writes nothing');

    ($code, $output) = import_run($source, 'monmariage', 'wedding', @report);
    is($code, 0, 'the import') or diag $output;
    like($output, qr/2 people, 5 conversations, 9 messages stored; 0 messages were here/, 'counts');
    like($output, qr/^odd: 3 messages of no conversation, left out: /m, 'and tells what is odd');
    my %real = (%{ report() }, dryRun => $dry->{dryRun});
    is_deeply(\%real, $dry, 'just as the dry run had said');

    my $text = texts('wedding', $ids[0], $a);
    like($text, qr/^1:first 2:second 3:third 4:fourth 5:fifth 6:x{9999}\x{2026}$/, 'by date, then by id');
    my $messages = api('wedding', 'GET', "/conversations/$ids[0]/messages", $a)->{messages};
    is($messages->[0]{id}, Test::Messaging::Mongo::hex_of(oid(1002)), 'an old message keeps its id');
    is($messages->[0]{createdAt}, '2020-09-13T12:26:40.010Z', 'and its date');
    is($messages->[0]{senderRole}, 'client', 'a role by the field');
    my $seen = api('wedding', 'GET', "/conversations/$ids[0]", $a);
    is_deeply([@$seen{qw(id lastSeq readSeq unreadCount createdAt)}],
        [$ids[0], 6, 3, 2, '2020-09-13T12:26:40.000Z'], 'read marks are the longest read beginning');
    is(api('wedding', 'GET', "/conversations/$ids[0]", $b)->{readSeq}, 5, "of the other one too: all but one's own");
    my %members = map { $_->{id} => $_ } @{ $seen->{members} };
    is($members{$b}{name}, "Ch\x{e2}teau", 'names');
    is($members{$b}{role}, 'partner', 'and roles in small letters');
    is_deeply($seen->{context}, { type => 'storefront', id => 'front0' }, 'the context');
    is(texts('wedding', $ids[3], $a), '1:beside', 'a second one of the same people stays itself');
    like(api('wedding', 'GET', "/conversations/$ids[1]/messages", $a)->{messages}[0]{createdAt}, qr/^2023-11-14T22:13:20/,
        'a date that was missing is that of the id');
    is(api('wedding', 'GET', "/conversations/$ids[5]", $a)->{lastSeq}, 0, 'one without messages is there');
    is(@{ api('wedding', 'GET', '/conversations', $b)->{conversations} }, 3, 'and listed by its starter alone');

    # The site goes on: a start finds the old conversation, in whatever shard.
    my ($status, $answer) = api('wedding', 'POST', '/conversations', $b,
        { members => [$a], context => { type => 'storefront', id => 'front0' }, content => 'live' });
    is($status, 200, 'a start');
    is($answer->{conversation}{id}, $ids[0], 'finds the old conversation');
    is($answer->{message}{id}, "$ids[0].7", 'and goes on counting');
    is((api('wedding', 'POST', "/conversations/$ids[0]/messages", $a, { content => 'too' }))[1]{seq}, 8, 'an old id takes messages');
    is((api('wedding', 'PATCH', "/conversations/$ids[0]/read", $a, {}))[1]{readSeq}, 8, 'and reads all');

    # By the derived id everything is said to the same conversation, which is called by its own.
    my $alias = derived_id('wedding', 'storefront', 'front0', sort $a, $b);
    my $stream = $t->stream($b, path => '/wedding/stream');
    for (['GET', '', undef, 'id'], ['PATCH', '', { archived => \1 }, 'id'], ['PATCH', '/read', {}, 'conversationId'],
        ['GET', '/messages', undef, undef], ['POST', '/messages', { content => 'by the derived id' }, 'conversationId']) {
        my ($method, $path, $body, $field) = @$_;
        my ($code, $json) = api('wedding', $method, "/conversations/$alias$path", $a, $body);
        like($code, qr/^20[01]$/, "$method by the derived id: $path");
        is($field ? $json->{$field} : $json->{messages}[0]{conversationId}, $ids[0], 'is one to the old one');
        is((api('wedding', $method, "/conversations/$alias$path", 'mallory', $body))[0], 404, 'and nothing to a stranger');
    }
    is($stream->event('message', sub { $_[0]{seq} == 9 })->{json}{conversationId}, $ids[0], 'streams know it by its own');
    for my $id ($alias, $ids[0]) {
        is((api('wedding', 'POST', "/conversations/$id/typing", $a, {}))[0], 204, 'typing');
        is($stream->event('typing')->{json}{conversationId}, $ids[0], 'is heard of that');
    }
    is(found('wedding', 'third', $a), "$ids[0]/3", 'a search finds an old message');
    is(found('wedding', 'derived', $b), "$ids[0]/9", 'and a new one');
    is(found('wedding', 'third', 'mallory'), '', 'for its members');

    # The old system went on too.
    $source->insert('Message', $message->(0, $bob, 'sixth', 100), $message->(1, $bob, 'later', 4 * $day * 365));
    ($code, $output) = import_run($source, 'monmariage', 'wedding', @report);
    like($output, qr/0 people, 0 conversations, 2 messages stored; 9 messages were here/, 'what is new is appended');
    is(report()->{odd}{late}{count}, 1, 'and what is older than its place is told');
    like(texts('wedding', $ids[0], $a), qr/ 7:live 8:too 9:by the derived id 10:sixth$/, 'in its place');
    is(api('wedding', 'GET', "/conversations/$ids[0]", $a)->{unreadCount}, 1, 'as unread');
    ($code, $output) = import_run($source, 'monmariage', 'wedding', @report);
    like($output, qr/0 people, 0 conversations, 0 messages stored; 11 messages were here/, 'twice is once');
    is(report()->{odd}{late}, undef, 'and nothing is late twice');

    is((import_run($source, 'nobody', 'wedding'))[0], 2, 'no such preset');
    for (['--field', 'message.nothing=x'], ['--field', 'messages=NoSuch'],
        ['--field', 'message.sender='], ['--field', 'message.sender=$where'], ['--report', '/no/such/place']) {
        my ($wrong, $says) = import_run($source, 'monmariage', 'wedding', @$_);
        is($wrong, 2, "refused: @$_");
        like($says, qr/^messaging-worker: import: /m, 'with a line that says why');
    }
}

# --- marketplace, as Mongoose writes it; somebody started anew before the import

{
    my $source = Test::Messaging::Mongo->new;
    $source->insert('users', map { { _id => "u$_", username => "User $_" } } 1 .. 3);
    $source->insert('conversations', map { { _id => "c$_", product => oid(50 + $_), buyer => 'u1', seller => "u$_",
        createdAt => date($start), __v => int64(0) } } 2 .. 3);
    $source->insert('messages', map { { _id => oid($_), conversation => $_ % 2 ? 'c3' : 'c2', sender => $_ % 3 ? 'u1' : $_ % 2 ? 'u3' : 'u2',
        text => "m$_", timestamp => date($start + $_), readAt => $_ < 5 ? date($start + 99) : undef } } 1 .. 9);
    my %start = (members => ['u1'], context => { type => 'product', id => Test::Messaging::Mongo::hex_of(oid(53)) });
    my $anew = api('market', 'POST', '/conversations', 'u3', { %start, content => 'anew' })->{conversation}{id};
    my ($code, $output) = import_run($source, 'marketplace', 'market');
    is($code, 0, 'marketplace') or diag $output;
    like($output, qr/^odd: 1 conversations whose people started one here before: .*: c3$/m, 'started anew');
    is(texts('market', 'c2', 'u1'), '1:m2 2:m4 3:m6 4:m8', 'alternatives of fields');
    is(texts('market', 'c3', 'u3'), '1:m1 2:m3 3:m5 4:m7 5:m9', 'both stay');
    is(api('market', 'POST', '/conversations', 'u3', \%start)->{conversation}{id}, $anew, 'a start finds the new one');
    is(api('market', 'GET', '/conversations/c2', 'u2')->{unreadCount}, 1, 'read by a date');
}

# --- pro-admin: tickets and a team

{
    my $source = Test::Messaging::Mongo->new;
    $source->insert('User', { _id => 'pro', name => 'Pro', role => 'PROFESSIONAL' }, { _id => 'adm', name => 'Adm', role => 'ADMIN' });
    $source->insert('Conversation',
        { _id => 't1', subject => ' Invoice ', status => 'CLOSED', professionalId => 'pro', adminId => 'adm', createdAt => date($start) },
        { _id => 't2', subject => 'Help', status => 'OPEN', professionalId => 'pro', adminId => undef, createdAt => date($start) });
    $source->insert('Message', map { { _id => "m$_", conversationId => $_ < 4 ? 't1' : 't2', senderId => $_ == 2 ? 'adm' : 'pro',
        senderType => $_ == 2 ? 'ADMIN' : 'PROFESSIONAL', content => "text $_", isRead => bool($_ < 3), createdAt => date($start + $_) } } 1 .. 4);
    my ($code, $output) = import_run($source, 'pro-admin', 'desk');
    is($code, 0, 'pro-admin') or diag $output;
    unlike($output, qr/^odd/m, 'nothing is odd');
    my $ticket = api('desk', 'GET', '/conversations/t1', 'pro');
    is_deeply([@$ticket{qw(kind status subject rev lastSeq)}], ['ticket', 'closed', 'Invoice', 1, 3], 'a closed ticket');
    is_deeply([map { $_->{id} } @{ $ticket->{members} }], ['pro', 'team:admin'], 'between the professional and the team');
    my $messages = api('desk', 'GET', '/conversations/t1/messages', 'pro')->{messages};
    is_deeply([map { "$_->{senderId} $_->{senderRole}" } @$messages],
        ['pro professional', 'adm admin', 'pro professional'], 'who wrote, as what');
    is(api('desk', 'GET', '/conversations?status=closed', 'pro')->{conversations}[0]{id}, 't1', 'lists by status');
}

# --- promoto: messages and no conversations

{
    my $source = Test::Messaging::Mongo->new;
    my @pairs = (['ann', 'g1'], ['g1', 'ann'], ['ann', 'g2'], ['bob', 'g1'], ['ann', 'ann']);
    $source->insert('messages', map { my $pair = $pairs[$_ % 5]; { _id => oid($_), sender => $pair->[0], receiver => $pair->[1],
        content => "p$_", createdAt => date($start + 100 - $_), read => bool(1), $_ == 1 ? (appointmentId => oid(7)) : () } } 1 .. 15);
    my ($code, $output) = import_run($source, 'promoto', 'garage');
    is($code, 0, 'promoto') or diag $output;
    like($output, qr/3 conversations, 12 messages stored/, 'pairs of people');
    my $id = api('garage', 'POST', '/conversations', 'ann', { members => ['g1'] })->{conversation}{id};
    is(texts('garage', $id, 'g1'), '1:p15 2:p11 3:p10 4:p6 5:p5 6:p1', 'whoever of them wrote');
    is_deeply(api('garage', 'GET', "/conversations/$id/messages?after=5", 'g1')->{messages}[0]{context},
        { type => 'appointment', id => Test::Messaging::Mongo::hex_of(oid(7)) }, 'with its appointment');
    ($code, $output) = import_run($source, 'promoto', 'garage');
    like($output, qr/0 conversations, 0 messages stored; 12 messages were here/, 'twice is once');
}

# --- Other shapes, by options: members in an array, ids that are numbers, a field that holds the id

{
    my $source = Test::Messaging::Mongo->new;
    my @conversations = map { { _id => oid(30 - $_), room => int64($_), participants => [oid(1), oid(2), oid(2 + $_ % 2)],
        createdAt => date($start), archivedAt => undef } } 8 .. 11;
    $source->insert('rooms', @conversations, { _id => oid(40), participants => [oid(1), oid(2)] });
    $source->insert('posts', map { { _id => oid($_), room => int64(8 + $_ % 4), from => { _id => oid(1), name => 'Ann' },
        body => "m$_", sentAt => date($start + $_), seen => bool(1) } } 1 .. 8);
    my ($code, $output) = import_run($source, 'marketplace', 'rooms', map { ('--field', $_) } 'conversations=rooms',
        'messages=posts', 'conversation.id=room', 'conversation.members=participants', 'conversation.contextId=room',
        'message.conversation=room', 'message.sender=from', 'message.content=body', 'message.createdAt=sentAt',
        'message.read=seen');
    is($code, 0, 'fields by options') or diag $output;
    like($output, qr/4 conversations, 8 messages stored/, 'all of it');
    unlike($output, qr/^odd/m, 'nothing is odd');
    my $ann = Test::Messaging::Mongo::hex_of(oid(1));
    is(texts('rooms', 9, $ann), '1:m1 2:m5', 'in order');
    is(texts('rooms', 10, $ann), '1:m2 2:m6', 'past the ninth too');
}

# --- Killed, and run again

sub kill_at {
    my ($source, $name, $site, %env) = @_;
    $t->spawn($name, $t->worker_command('import', '--source', $source->uri, '--from', 'monmariage', '--site', $site,
        '--data', $t->root . '/schema'), env => \%env);
}

# Conversation by conversation: minutes for thousands of them where each look is a round trip.
sub numbers_are_right {
    SKIP: {
        skip 'many round trips', 1 if $t->{store} ne 'sqlite';
        is(($t->worker_run('check'))[0], 0, 'and the numbers are right');
    }
    return;
}

# What a site has, as its people see it.
sub view_of {
    my ($site, @people) = @_;
    my %view;
    for my $who (@people) {
        my $cursor = '';
        do {
            my $list = api($site, 'GET', "/conversations?limit=200$cursor", $who);
            for my $one (@{ $list->{conversations} }) {
                $view{$who}{ $one->{id} } = join ' ', map { $_ // '-' } @$one{qw(lastSeq readSeq unreadCount lastMessageAt)};
            }
            $cursor = $list->{nextCursor} ? "&cursor=$list->{nextCursor}" : '';
        } while ($cursor);
        $view{$who}{badge} = api($site, 'GET', '/unread-count', $who)->{count};
    }
    return \%view;
}

# Conversations of one client with many partners: some tens of messages each.
sub large {
    my ($source, $messages, $conversations) = @_;
    $source->insert('Conversation', map { { _id => oid($_), clientId => 'ann', partnerId => 'p' . $_ % 7, storefrontId => "f$_",
        createdAt => date($start) } } 1 .. $conversations);
    my @batch;
    for my $n (1 .. $messages) {
        my $of = 1 + $n * 7919 % $conversations;
        push @batch, { _id => oid($n), conversationId => oid($of), senderId => $n % 3 ? 'ann' : 'p' . $of % 7,
            content => "m$n", createdAt => date($start + int($n / 2)), read => bool($n < $messages * 0.9) };
        if (@batch == 1000 || $n == $messages) {
            $source->insert('Message', @batch);
            @batch = ();
        }
    }
    return;
}

my @people = ('ann', map { "p$_" } 0 .. 6);
{
    my $source = Test::Messaging::Mongo->new;
    large($source, 1500, 150);
    my $points = join ' ', sort map { /crashPoint\("(fill-\w+)"\)/g } split /^/, `cat @{[$t->root]}/worker/fill.cpp`;
    is($points, 'fill-begun fill-committed fill-inserted fill-opened fill-raised', 'the points of the code are those of this test');
    my $killed = 0;
    for my $point (split ' ', $points) {
        my $name = "import-$point";
        kill_at($source, $name, 'crash', MESSAGING_CRASH_AT => "$point:2");
        $t->wait_for("the crash at $point", sub { !$t->alive($name) }, 120);
        ++$killed if $t->{status}{$name};
    }
    ok($killed >= 3, "killed $killed times, each run went on");
    my ($code, $output) = import_run($source, 'monmariage', 'crash');
    is($code, 0, 'the last run ends') or diag $output;
    my $view = view_of('crash', @people);
    # On a terminal, with a bar.
    my $line = join ' ', map { "'$_'" } @{ $t->worker_command('import', '--source', $source->uri, '--from',
        'monmariage', '--site', 'default', '--data', $t->root . '/schema') };
    $t->spawn('terminal', ['script', '-qec', $line, '/dev/null']);
    $t->wait_for('the end on the terminal', sub { !$t->alive('terminal') }, 120);
    is($t->{status}{terminal}, 0, 'another site without a kill');
    my $shown = $t->read_file('terminal.log');
    my @bars = $shown =~ /\r(\[[#.]{40}\] +\d+ %  \d+) of 1500 messages/g;
    is_deeply([grep { /^\[#{16}\.{24}\]  40 %  600$/ } @bars], ['[' . '#' x 16 . '.' x 24 . ']  40 %  600'],
        'a bar grows') or diag $shown;
    cmp_ok(scalar @bars, '>=', 5, 'as it goes on');
    like($shown, qr/\r\e\[K1500 messages read/, 'and makes room for what came of it');
    is_deeply($view, view_of('api/messages', @people), 'has the same');
    numbers_are_right();
}

# 100,000 messages, killed within batches.
{
    my $messages = $ENV{TEST_IMPORT_MESSAGES} // ($t->{asan} ? 5_000 : 100_000);
    my $source = Test::Messaging::Mongo->new;
    large($source, $messages, $messages / 100);
    my $began = time;
    # Asked to stop, it stops between two batches and says what to do.
    kill_at($source, 'asked', 'large');
    $t->wait_for('its first conversations', sub {
        @{ api('large', 'GET', '/conversations?limit=1', 'ann')->{conversations} } }, 120);
    is($t->end('asked', 'TERM', 120) >> 8, 2, 'a run that was asked to stop');
    like($t->read_file('asked.log'), qr/stopped before its end; run it again to go on/, 'says that it did');
    for my $point (qw(fill-inserted fill-committed fill-raised)) {
        kill_at($source, "large-$point", 'large', MESSAGING_CRASH_AT => "$point:" . int(3 + $messages / 5000));
        $t->wait_for("the crash at $point", sub { !$t->alive("large-$point") }, 900);
    }
    my ($code, $output) = import_run($source, 'monmariage', 'large', '--report', $t->dir . '/report.json');
    is($code, 0, "the rest of $messages messages") or diag $output;
    my $report = report();
    is($report->{messages} + $report->{known}, $messages, 'all are there');
    cmp_ok($report->{known}, '>', $messages / 10, 'of which the killed ones had stored some');
    note "$messages messages, killed three times, in " . (time - $began) . " s: $output";
    ($code, $output) = import_run($source, 'monmariage', 'large');
    like($output, qr/0 conversations, 0 messages stored; $messages messages were here/, 'twice is once');
    numbers_are_right();
    my $last = api('large', 'GET', '/conversations?limit=1', 'ann')->{conversations}[0];
    $t->wait_for('the newest in the index', sub { found('large', "m$messages", 'ann') eq "$last->{id}/$last->{lastSeq}" }, 900);
    $t->wait_for('the oldest in it', sub { found('large', 'm1+m1', 'ann') =~ m{/1$} }, 900);
    note 'and searched after ' . (time - $began) . ' s';
}

$t->finish;
