package Test::Messaging::Listener;

# What a good client of the event stream does: it keeps one open, comes back with Last-Event-ID,
# and fetches where it is told to, by a `reset` or by a `hello` that does not resume. It notes all
# that it sees, for Test::Messaging::Checker, and ends once it has what its goal names.
#
# The goal is { CONVERSATION => [number of messages, readSeq] }: told by expect(), or for a listener
# in another process as JSON in a file that appears.

use strict;
use warnings;

use JSON::PP;
use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);

use Test::Messaging::Stream;

my $json = JSON::PP->new->utf8->canonical;

use constant NEVER => 9e15;

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# `cut_every`: it cuts its own connection about so often, in seconds.
sub new {
    my ($class, $messaging, %options) = @_;
    open my $notes, '>>', $options{notes} or die "$options{notes}: $!";
    $notes->autoflush(1);
    return bless {
        messaging => $messaging,
        user      => $options{user},
        goal      => $options{goal},
        notes     => $notes,
        path      => $options{notes},
        cut_every => $options{cut_every} // NEVER,
        reached   => {},    # by conversation: all messages up to this one were seen
        ahead     => {},    # and these above
        read      => {},
    }, $class;
}

sub run {
    my ($self) = @_;
    $self->step(0.1) until $self->at_goal;
    $self->note(what => 'end');
    return $self;
}

# Connected, and with nothing to fetch.
sub fresh { my ($self) = @_; return $self->{stream} && $self->{known} && !$self->{stale} }

sub expect { my ($self, $goal) = @_; $self->{wanted} = $goal; return $self }

# Sees what is there or comes within some seconds.
sub step {
    my ($self, $seconds) = @_;
    if (!$self->{stream} && !$self->open) {
        sleep 0.02 + rand 0.1;
        return;
    }
    my $stream = $self->{stream};
    $stream->pump($seconds);
    $self->take($_) for $stream->drain;
    $self->fetch if $self->{stale} && !$stream->closed;
    $self->leave if $stream->closed || $stream->{ended} || now() > $self->{cut_at};
    return;
}

sub open {
    my ($self) = @_;
    my %headers = defined $self->{last} ? ('Last-Event-ID' => $self->{last}) : ();
    my $stream = eval {
        Test::Messaging::Stream->new(
            port    => $self->{messaging}->port,
            path    => '/api/messages/stream',
            headers => $self->{messaging}->headers_of(as => $self->{user}, headers => \%headers),
        );
    };
    if (!$stream || $stream->status != 200) {
        $stream->close if $stream;
        return 0;
    }
    $self->{stream} = $stream;
    $self->{cut_at} = now() + $self->{cut_every} * (0.5 + rand);
    return 1;
}

# What is left in the connection still counts: an id that was seen must not be asked for again.
sub leave {
    my ($self) = @_;
    my $stream = delete $self->{stream} or return;
    $self->take($_) for $stream->drain;
    $self->{last} = $stream->last_id // $self->{last};
    $stream->close;
    return;
}

sub take {
    my ($self, $event) = @_;
    my $type = $event->{event};
    my $data = $event->{json};
    if ($type eq 'message') {
        $self->see($data);
    } elsif ($type eq 'unread') {
        $self->note(what => 'unread', %$data);
        $self->has_read($data);
    } elsif ($type eq 'hello') {
        $self->note(what => 'hello', resumed => $data->{resumed} ? 1 : 0);
        $self->{known} = 1;
        $self->{stale} = 1 if !$data->{resumed};
    } elsif ($type eq 'reset') {
        $self->note(what => 'reset', reason => $data->{reason});
        $self->{stale} = 1;
    }
    return;
}

sub see {
    my ($self, $message) = @_;
    my ($id, $seq) = @$message{qw(conversationId seq)};
    $self->note(what => 'message',
        map { $_ => $message->{$_} } qw(conversationId id seq senderId content createdAt));
    $self->{reached}{$id} //= 0;
    $self->{ahead}{$id}{$seq} = 1 if $seq > $self->{reached}{$id};
    $self->{reached}{$id}++ while delete $self->{ahead}{$id}{ $self->{reached}{$id} + 1 };
    return;
}

sub has_read {
    my ($self, $membership) = @_;
    my $id = $membership->{conversationId} // $membership->{id};
    my $seq = $membership->{readSeq};
    $self->{read}{$id} = $seq if $seq > ($self->{read}{$id} // -1);
    return;
}

# The list, and of each conversation what is not known yet. Stays stale where an answer fails.
sub fetch {
    my ($self) = @_;
    my $cursor = '';
    my @ids;
    do {
        my $page = $self->ask("/conversations?limit=200&cursor=$cursor") or return;
        for my $conversation (@{ $page->{conversations} }) {
            $self->has_read($conversation);
            push @ids, $conversation->{id};
        }
        $cursor = $page->{nextCursor} // '';
    } while ($cursor ne '');
    for my $id (@ids) {
        my $page;
        my $after = $self->{reached}{$id} // 0;
        do {
            $page = $self->ask("/conversations/$id/messages?limit=200&after=$after") or return;
            for my $message (@{ $page->{messages} }) {
                $self->see($message);
                $after = $message->{seq};
            }
        } while (@{ $page->{messages} });
    }
    $self->{stale} = 0;
    $self->note(what => 'fetched');
    return;
}

sub ask {
    my ($self, $path) = @_;
    my $answer = $self->{messaging}->get($path, as => $self->{user});
    return $answer->{json} if $answer->{status} == 200;
    sleep 0.05;
    return;
}

sub at_goal {
    my ($self) = @_;
    if (!$self->{wanted}) {
        return 0 if !defined $self->{goal};
        CORE::open my $file, '<', $self->{goal} or return 0;
        local $/;
        $self->{wanted} = $json->decode(scalar <$file>);
    }
    my $wanted = $self->{wanted};
    for my $id (keys %$wanted) {
        my ($size, $read) = @{ $wanted->{$id} };
        return 0 if ($self->{reached}{$id} // 0) < $size || ($self->{read}{$id} // 0) < $read;
    }
    return 1;
}

sub note {
    my ($self, %note) = @_;
    $note{at} = now();
    print { $self->{notes} } $json->encode(\%note) . "\n" or die "notes: $!";
    return;
}

sub notes {
    my ($path) = @_;
    $path = $path->{path} if ref $path;
    CORE::open my $file, '<', $path or die "$path: $!";
    return map { $json->decode($_) } <$file>;
}

1;
