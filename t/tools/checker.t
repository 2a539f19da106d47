#!/usr/bin/perl

# The checker of the fault tests can fail: a history in which nothing is wrong passes, and each
# kind of harm done to it is found, by its name.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempfile);
use Storable qw(dclone);
use Test::More;
use Test::Messaging::Checker qw(problems figures staleness kinds);
use Test::Messaging::Client;

sub message {
    my ($seq, $sender, $content) = @_;
    return {
        id        => "c.$seq", conversationId => 'c', seq => $seq, senderId => $sender,
        content   => $content, createdAt      => "2024-01-01T00:00:0$seq.000Z",
    };
}

sub operation {
    my ($user, $content, $start, @attempts) = @_;
    return {
        op => 'send', user => $user, conversation => 'c', content => $content, start => $start,
        attempts => [@attempts],
    };
}

sub changed {
    my ($user, $subject, $start, @attempts) = @_;
    return { op => 'change', user => $user, conversation => 'c', subject => $subject, start => $start,
        attempts => [@attempts] };
}

sub stored {
    my ($status, $seq, $at) = @_;
    return { status => $status, at => $at, message => { id => "c.$seq", seq => $seq } };
}

sub answered { return { status => $_[0], at => $_[1] } }

sub live { return { what => 'message', at => $_[1], %{ $_[0] } } }

# alice sends two, bob one, and alice reads up to it; bob follows live from the second on.
sub history { return (message(1, 'alice', 'a1'), message(2, 'alice', 'a2'), message(3, 'bob', 'b1')) }
my @history = history();
my $good = {
    operations => [
        operation('alice', 'a1', 1, answered(504, 2), stored(201, 1, 3)),
        operation('alice', 'a2', 4, stored(201, 2, 5), stored(200, 2, 6)),
        operation('bob', 'b1', 5.5, answered(599, 6), stored(200, 3, 7)),
        operation('bob', 'never', 8, answered(503, 9), answered(400, 10)),
        operation('bob', 'open', 11, answered(504, 12), {}),
        { op => 'look', user => 'bob', conversation => 'c', seq => 3, start => 8, found => 3,
            attempts => [] },
        { op => 'read', user => 'alice', conversation => 'c', start => 8,
            attempts => [{ status => 200, at => 9, readSeq => 3 }] },
        changed('alice', 'first', 1, answered(200, 2)),
        changed('bob', 'second', 3, answered(504, 4), answered(200, 5)),
        changed('alice', 'between', 3.5, answered(200, 4.5)),
        changed('bob', 'refused', 6, answered(400, 7)),
    ],
    conversations => {
        c => { members => ['alice', 'bob'], histories => { alice => [history()], bob => [history()] } },
    },
    views => {
        alice => {
            list => { c => { subject => 'second', lastSeq => 3, readSeq => 3, unreadCount => 0,
                lastMessage => message(3, 'bob', 'b1') } },
            badge => { count => 0, conversations => {} },
        },
        bob => {
            list => { c => { subject => 'second', lastSeq => 3, readSeq => 0, unreadCount => 2,
                lastMessage => message(3, 'bob', 'b1') } },
            badge => { count => 2, conversations => { c => 2 } },
        },
    },
    listeners => [{
        name => 'l', user => 'bob', notes => [
            { what => 'hello', resumed => 0, at => 3.5 },
            live($history[0], 3.6),
            { what => 'fetched', at => 3.7 },
            live($history[1], 4.5),
            live($history[1], 4.6),
            { what => 'unread', at => 4.6, conversationId => 'c', lastSeq => 2, sent => 0,
                readSeq => 0, readSent => 0, unreadCount => 2 },
            { what => 'hello', resumed => 1, at => 5 },
            live($history[2], 7.5),
        ],
    }],
};
is_deeply([problems($good)], [], 'where nothing is wrong, nothing is found');

my %shown;

# The harm done to a copy must be found under its name, and under no other than these.
sub finds {
    my ($what, $kinds, $harm) = @_;
    my $observed = dclone($good);
    # Both members see the same list unless the harm is a difference.
    my $histories = $observed->{conversations}{c}{histories};
    $harm->($observed, $histories->{alice});
    $histories->{bob} = dclone($histories->{alice}) if !grep { $_ eq 'difference' } @$kinds;
    my %found = map { /^(\w+):/ ? ($1 => 1) : ($_ => 1) } problems($observed);
    $shown{$_}++ for @$kinds;
    is_deeply([sort keys %found], [sort @$kinds], $what)
        or diag join "\n", problems($observed);
    return;
}

# --- Loss

finds('an acknowledged message that is not there', [qw(loss drift stream)], sub {
    pop @{ $_[1] };
});
finds('acknowledged under another number', ['loss'], sub {
    $_[0]{operations}[2]{attempts}[1]{message}{seq} = 2;
});
finds('a message of another content than was sent', [qw(loss unasked drift stream)], sub {
    $_[1][2]{content} = 'changed';
});
finds('acknowledged without the message', ['loss'], sub {
    delete $_[0]{operations}[2]{attempts}[1]{message};
});
finds('a read that was acknowledged and is gone', [qw(loss drift)], sub {
    $_[0]{views}{alice}{list}{c}{readSeq} = 2;
});
finds('a conversation that was opened and is not listed', ['loss'], sub {
    push @{ $_[0]{operations} }, { op => 'start', user => 'bob', conversation => 'd', start => 1,
        attempts => [{ status => 201, at => 2 }] };
});

finds('an acknowledged message that could not be read at once', ['stale'], sub {
    push @{ $_[0]{operations} }, { op => 'look', user => 'bob', conversation => 'c', seq => 3,
        start => 8, found => undef, attempts => [] };
});

# --- Double

finds('a message stored twice', [qw(double drift stream)], sub {
    push @{ $_[1] }, { %{ message(4, 'bob', 'b1') } };
});
finds('one request answered as two messages', [qw(double loss)], sub {
    $_[0]{operations}[1]{attempts}[1] = stored(200, 1, 6);
});

# --- Refused

finds('a refused message that is stored', [qw(refused drift stream)], sub {
    push @{ $_[1] }, message(4, 'bob', 'never');
});
finds('one that was only ever answered 503', [qw(refused drift stream)], sub {
    $_[0]{operations}[3]{attempts} = [answered(503, 9)];
    push @{ $_[1] }, message(4, 'bob', 'never');
});
finds('a request answered as stored and as refused', ['refused'], sub {
    push @{ $_[0]{operations}[0]{attempts} }, answered(422, 5);
});
finds('a message that nobody sent', [qw(unasked drift stream)], sub {
    push @{ $_[1] }, message(4, 'bob', 'who?');
});
finds('a message in the name of another', [qw(loss unasked drift stream)], sub {
    $_[1][0]{senderId} = 'bob';
});

# --- Order

finds('a later message before an earlier one', [qw(inversion)], sub {
    $_[0]{operations}[0]{start} = 6;
    $_[0]{operations}[0]{attempts} = [stored(201, 1, 7)];
});
finds('a time that goes back', [qw(inversion stream)], sub {
    $_[1][2]{createdAt} = '2024-01-01T00:00:00.000Z';
});
finds('a hole', [qw(hole drift stream loss)], sub {
    $_[1][2]{seq} = 4;
});
finds('two of one number', [qw(hole loss drift stream)], sub {
    $_[1][2]{seq} = 2;
});
finds('members who see different messages', [qw(difference)], sub {
    $_[0]{conversations}{c}{histories}{bob}[1] = message(2, 'alice', 'other');
});
finds('a member who sees fewer', [qw(difference)], sub {
    pop @{ $_[0]{conversations}{c}{histories}{bob} };
});

# --- Drift

my %drifts = (
    'an unread count'   => sub { $_[0]{views}{bob}{list}{c}{unreadCount} = 3 },
    'a last number'     => sub { $_[0]{views}{bob}{list}{c}{lastSeq} = 2 },
    'a preview'         => sub { $_[0]{views}{bob}{list}{c}{lastMessage} = message(2, 'alice', 'a2') },
    'a preview\'s text' => sub { $_[0]{views}{bob}{list}{c}{lastMessage}{content} = 'other' },
    'a badge'           => sub { $_[0]{views}{bob}{badge}{count} = 1 },
    'a badge\'s part'   => sub { $_[0]{views}{alice}{badge}{conversations}{c} = 1 },
    'a list'            => sub { delete $_[0]{views}{bob}{list}{c} },
);
finds("$_ that is wrong", ['drift'], $drifts{$_}) for sort keys %drifts;

# --- Changes

sub subjects { my ($observed, $subject) = @_; $_->{list}{c}{subject} = $subject for values %{ $observed->{views} }; return }

finds('a change that was acknowledged and is gone', ['loss'], sub { subjects($_[0], 'first') });
finds('all of them', ['loss'], sub { subjects($_[0], undef) });
finds('but not the other one of two at once', [], sub { subjects($_[0], 'between') });
finds('a change that was refused', ['refused'], sub {
    subjects($_[0], 'refused');
});
finds('a subject that nobody gave', ['unasked'], sub { subjects($_[0], 'who?') });
finds('a subject that one member does not see', ['difference'], sub { $_[0]{views}{bob}{list}{c}{subject} = 'first' });
finds('a message without its data', ['loss'], sub { $_[0]{operations}[2]{data} = { price => 5 } });

# --- Streams

finds('a message that a stream never showed', ['stream'], sub {
    pop @{ $_[0]{listeners}[0]{notes} };
});
finds('a message shown that is not stored', ['stream'], sub {
    push @{ $_[0]{listeners}[0]{notes} }, live(message(4, 'bob', 'ghost'), 9);
});
finds('a message shown otherwise than stored', ['stream'], sub {
    $_[0]{listeners}[0]{notes}[-1]{content} = 'other';
});
finds('an unread event that differs from the messages', ['stream'], sub {
    $_[0]{listeners}[0]{notes}[5]{sent} = 1;
    $_[0]{listeners}[0]{notes}[5]{unreadCount} = 1;
});
finds('an unread event that contradicts itself', ['stream'], sub {
    $_[0]{listeners}[0]{notes}[5]{unreadCount} = 1;
});

# A silent gap that a later reset hides: in the end the client has everything, but for long it
# had not, and nobody told it.
sub gap {
    my ($observed, @between) = @_;
    $observed->{listeners}[0]{notes} = [
        { what => 'hello', resumed => 0, at => 1 }, { what => 'fetched', at => 2 },
        live($history[0], 3), live($history[2], 4), @between,
        { what => 'reset', at => 30 }, live($history[1], 31), { what => 'fetched', at => 32 },
    ];
}
finds('a silent gap', ['stream'], sub { gap($_[0], live($history[2], 15)) });
finds('but not one that is filled late', [], sub {
    gap($_[0], live($history[1], 5), live($history[2], 15));
});
finds('nor one that a reset owns up to', [], sub { gap($_[0]) });

my @missed = grep { !$shown{$_} } kinds();
is_deeply(\@missed, [], 'every kind was shown');

# --- What else is told

is(sprintf('%.1f', staleness($good)), '0.6', 'the longest wait, from acknowledged until shown');
my $figures = figures($good->{operations});
is_deeply([@$figures{qw(operations requests acknowledged repeats open)}], [10, 16, 7, 6, 1],
    'the figures');

# --- Journals

my ($file, $path) = tempfile(UNLINK => 1);
print $file map { "$_\n" } (
    '{"n":1,"op":"send","user":"alice","content":"x","start":1}',
    '{"n":1,"attempts":2}',
    '{"n":1,"at":2,"status":504}',
    '{"n":1,"at":2.5,"status":201,"message":{"id":"c.1","seq":1}}',
    '{"n":2,"op":"send","user":"alice","content":"y","start":3}',
    '{"n":2,"attempts":1}',
);
close $file;
my @operations = Test::Messaging::Client::operations($path);
is(scalar @operations, 2, 'a journal: its operations');
is_deeply([map { $_->{status} } @{ $operations[0]{attempts} }], [504, 201], 'with their answers');
is_deeply($operations[1]{attempts}, [{}], 'an attempt without an answer is one');

done_testing();
