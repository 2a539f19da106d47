package Test::Messaging::Case;

# One command of alice's to a conversation with bob, both of this case alone, that a test lets
# fail in some way, repeats, and then holds against what is there: by Test::Messaging::Checker.
#
#   my $case = Test::Messaging::Case->new($messaging, 17, 'send');
#   my $request = $case->begin;    # may stay unanswered
#   $case->until_answered;
#   my @wrong = $case->settles;

use strict;
use warnings;

use JSON::PP ();
use Time::HiRes qw(time);

use Test::Messaging::Checker qw(problems);
use Test::Messaging::Client;
use Test::Messaging::Listener;
use Test::Messaging::Load;
use Test::Messaging::Request;

sub commands {
    return ('start with content', 'start without', 'start a ticket', 'send', 'send data', 'repeat', 'read', 'change',
        'send for a team', 'read for a team');
}

# For the configuration: each case has a team of its own, of which alice is the only person, so that
# the team's numbers are hers.
use constant MOST_CASES => 40;
sub teams { return 'messaging_teams ' . join(' ', map { "desk$_" } 1 .. MOST_CASES) . ';' }

# What a command's body has besides.
my %extras = (
    'change'         => { status => 'closed', archived => JSON::PP::true, subject => 'Settled' },
    'start a ticket' => { kind => 'ticket', subject => 'Help', context => { type => 'product', id => '7' } },
    'send data'      => { type => 'offer', data => { price => 5 }, context => { type => 'product', id => '7' } },
);

# The conversation is there already, but for a start; and so is the message, for a repeat.
sub new {
    my ($class, $messaging, $n, $command) = @_;
    my $self = bless { messaging => $messaging, alice => "alice$n", bob => "bob$n", listeners => [] },
        $class;
    $self->{extras} = $extras{$command} // {};
    my $role = $self->{role} = $command =~ /team/ ? "desk$n" : undef;
    $messaging->{tokens}{ $self->{alice} } = $messaging->token($self->{alice}, role => $role) if $role;
    my $other = $role ? "team:$role" : $self->{alice};
    $self->{conversation} = $command eq 'start a ticket'
        ? Test::Messaging::Load::ticket_id($self->{alice}, 'the key')
        : Test::Messaging::Load::conversation_id($other, $self->{bob});
    my $op = $command =~ s/ .*//r;
    my $operation = $self->{operation} = {
        op => $op eq 'repeat' ? 'send' : $op, user => $self->{alice}, attempts => [],
        conversation => $self->{conversation}, key => 'the key', start => now(),
    };
    $operation->{data} = $self->{extras}{data} if $self->{extras}{data};
    $operation->{content} = "words $n" if $command !~ /^(?:read|change|start without)/;
    $self->{operations} = [$operation];
    if ($op ne 'start') {
        $messaging->open_conversation($self->{bob}, $other);
        $self->say("first $n");
    }
    $self->until_answered if $op eq 'repeat';
    return $self;
}

sub now { return Test::Messaging::Client::now() }

sub begin {
    my ($self) = @_;
    my ($operation, $id) = @$self{qw(operation conversation)};
    my %content = (
        defined $operation->{content} ? (content => $operation->{content}) : (), %{ $self->{extras} });
    my %request = (
        start => ['POST', '/conversations', { members => [$self->{bob}], %content }],
        send  => ['POST', "/conversations/$id/messages", \%content],
        read  => ['PATCH', "/conversations/$id/read", {}],
        change => ['PATCH', "/conversations/$id", \%content],
    );
    return Test::Messaging::Request->new($self->{messaging}, @{ $request{ $operation->{op} } },
        as => $self->{alice}, key => $operation->{key});
}

# The command, until a worker that was told to dies over it; the request that is open then. On a busy
# machine one may expire before a worker has it.
sub begin_until_crash {
    my ($self, $worker) = @_;
    my $messaging = $self->{messaging};
    my $request = $self->begin;
    $messaging->wait_for('the crash', sub {
        return 1 if !$messaging->alive($worker);
        my $answer = $request->answer(0.01);
        if ($answer->{status} =~ /^50[34]$/) {
            note($self->{operation}, $answer);
            $request = $self->begin;
        }
        return 0;
    }, 60);
    return $request;
}

# What the request was answered, or will not be, counts.
sub answered {
    my ($self, $request, $limit) = @_;
    my $answer = $request->answer($limit);
    note($self->{operation}, $answer);
    return $answer;
}

sub note {
    my ($operation, $answer) = @_;
    push @{ $operation->{attempts} }, { at => now(), Test::Messaging::Client::result_of($answer) };
    return;
}

# Repeats the command until its answer is definite; its status.
sub until_answered {
    my ($self) = @_;
    my $answer;
    $self->{messaging}->wait_for('an answer', sub {
        $answer = $self->answered($self->begin, 3);
        return $answer->{status} =~ /^[24]/;
    });
    return $answer->{status};
}

# A message of bob's, until it is stored.
sub say {
    my ($self, $text) = @_;
    my $operation = { op => 'send', user => $self->{bob}, conversation => $self->{conversation},
        content => $text, key => $text, start => now(), attempts => [] };
    push @{ $self->{operations} }, $operation;
    $self->{messaging}->wait_for($text, sub {
        my $answer = $self->{messaging}->send_text(
            $self->{bob}, $self->{conversation}, $text, key => $text);
        note($operation, $answer);
        return $answer->{status} =~ /^2/;
    });
    return;
}

# A stream of alice's or bob's, past what it has to fetch.
sub listen {
    my ($self, $who) = @_;
    my $messaging = $self->{messaging};
    my $user = $self->{$who};
    my $name = "$who-" . @{ $self->{listeners} };
    my $listener = Test::Messaging::Listener->new($messaging,
        user => $user, notes => $messaging->dir . "/$user-$name.notes");
    $messaging->wait_for("${who}'s stream", sub { $listener->step(0.01); $listener->fresh });
    push @{ $self->{listeners} }, { name => $name, user => $user, listener => $listener };
    return $listener;
}

# What contradicts a promise, once it has had time to settle. `streams`: for so many seconds they
# may be behind; without it they are not looked at.
sub settles {
    my ($self, %options) = @_;
    my ($end, @wrong) = time + 5;
    do {
        my $observed = $self->observe($options{streams});
        @wrong = (problems($observed), $self->change_problems($observed));
    } while (@wrong && time < $end);
    return @wrong;
}

# A change is made as a whole, and once; where it was acknowledged, it is made.
sub change_problems {
    my ($self, $observed) = @_;
    my $operation = $self->{operation};
    return if $operation->{op} ne 'change';
    my $changed = grep { ($_->{status} // 0) =~ /^2/ } @{ $operation->{attempts} };
    my @problems;
    for my $user (@$self{qw(alice bob)}) {
        my $seen = $observed->{views}{$user}{list}{ $self->{conversation} } // {};
        my $found = join ' ', map { $_ // '-' } @$seen{qw(rev status archived subject)};
        my @right = ('1 closed ' . ($user eq $self->{alice} ? 1 : 0) . ' Settled');
        push @right, '0 open 0 -' if !$changed;
        push @problems, "change: $user sees $found" if !grep { $_ eq $found } @right;
    }
    return @problems;
}

sub observe {
    my ($self, $patience) = @_;
    my $messaging = $self->{messaging};
    my ($id, @users) = @$self{qw(conversation alice bob)};
    my %observed = (operations => $self->{operations}, listeners => []);
    my %histories;
    for my $user (@users) {
        my $list = $messaging->fetch('/conversations', $user)->{conversations};
        $observed{views}{$user} = { list => { map { $_->{id} => $_ } @$list },
            badge => $messaging->fetch('/unread-count', $user) };
        my $answer = $messaging->get("/conversations/$id/messages", as => $user);
        $histories{$user} = $answer->{json}{messages} if $answer->{status} == 200;
    }
    $observed{conversations}{$id} = { members => \@users, histories => \%histories };
    for my $one ($patience ? @{ $self->{listeners} } : ()) {
        my ($user, $listener) = @$one{qw(user listener)};
        my $listed = $observed{views}{$user}{list}{$id};
        $listener->expect({ $id => [scalar @{ $histories{$user} || [] },
            $listed ? $listed->{readSeq} : 0] });
        my $end = time + $patience;
        $listener->step(0.01) until $listener->at_goal || time > $end;
        push @{ $observed{listeners} },
            { name => $one->{name}, user => $user, notes => [$listener->notes] };
    }
    return \%observed;
}

sub close { my ($self) = @_; $_->{listener}->leave for @{ $self->{listeners} }; return }

# --- What Redis has in hand

sub shards {
    my ($messaging, $command, @rest) = @_;
    return map { $messaging->redis($command, "messaging:{w$_}:commands", @rest) } 0 .. 15;
}

# How many shards have commands that were read and not acknowledged.
sub pending {
    my ($messaging) = @_;
    return scalar grep { ref && $_->[0] } shards($messaging, 'XPENDING', 'workers');
}

# Workers own everything, and nothing waits.
sub at_rest {
    my ($messaging) = @_;
    return 0 if grep { !defined $messaging->redis('GET', "messaging:{w$_}:lease") } 0 .. 15;
    return !grep { $_ } shards($messaging, 'XLEN');
}

1;
