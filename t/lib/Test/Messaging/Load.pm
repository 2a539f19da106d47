package Test::Messaging::Load;

# Clients and listeners at work, each a process of its own, while the test does harm: they send,
# read, open conversations and are wrong on purpose. At the end all that they and the API saw is
# given to Test::Messaging::Checker.
#
#   my $load = Test::Messaging::Load->new($messaging, name => 'a', clients => 4)->begin;
#   …harm…
#   my $observed = $load->end->observe;
#   is_deeply([problems($observed)], []);

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP;
use Time::HiRes qw(sleep time);

use Test::Messaging::Client;
use Test::Messaging::Listener;

my $json = JSON::PP->new->utf8->canonical;

# What ends a process that hangs: longer than any healthy one lives after the harm.
use constant LIMIT => 300;

sub new {
    my ($class, $messaging, %options) = @_;
    my $self = bless {
        messaging     => $messaging,
        name          => $options{name},
        clients       => $options{clients} // 4,
        people        => $options{users} // 5,
        conversations => $options{conversations} // 10,
        listeners     => $options{listeners} // 4,
        seed          => $options{seed} // int(rand 1e9),
        seconds       => $options{seconds} // 60,
        pause         => $options{pause} // 0.02,
        cut_every     => $options{cut_every},
    }, $class;
    $self->{users} = [map { "$self->{name}-u$_" } 1 .. $self->{people}];
    $self->{groups} = [$self->groups];
    return $self;
}

# The members of each conversation: all pairs, then all but one or two, then everybody.
sub groups {
    my ($self) = @_;
    my @users = @{ $self->{users} };
    my @groups = ([@users]);
    for my $i (0 .. $#users) {
        push @groups, map { [@users[$i, $_]] } $i + 1 .. $#users;
    }
    for my $i (0 .. $#users) {
        push @groups, [@users[grep { $_ != $i } 0 .. $#users]];
    }
    splice @groups, $self->{conversations};
    return map { { id => conversation_id(@$_), members => $_ } } @groups;
}

# schema/README.md, "Derived ids": a client knows what it will have opened before it is told.
sub conversation_id {
    my @members = sort @_;
    my $parts = join '', map { length($_) . ":$_" } 'direct', 'default', '', '', @members;
    return substr sha256_hex($parts), 0, 32;
}

# That of the ticket which a client's key opens.
sub ticket_id {
    my ($user, $key) = @_;
    my $parts = join '', map { length($_) . ":$_" } 'ticket', 'default', $user, "c:$key";
    return substr sha256_hex($parts), 0, 32;
}

sub path { my ($self, $name) = @_; return "$self->{messaging}{dir}/$self->{name}-$name" }

# Half of the conversations are there before, half come into being under load.
sub begin {
    my ($self) = @_;
    my $messaging = $self->{messaging};
    my @groups = @{ $self->{groups} };
    for my $group (@groups[0 .. @groups / 2]) {
        my ($starter, @others) = @{ $group->{members} };
        my $id = $messaging->open_conversation($starter, @others);
        die "a conversation's id is $id instead of $group->{id}" if $id ne $group->{id};
        $group->{opened} = 1;
    }
    my $limit = $self->{seconds} + LIMIT;
    for my $n (1 .. $self->{listeners}) {
        $messaging->fork_child("$self->{name}-listener$n", $limit, sub { $self->listen_as($n) });
    }
    for my $n (1 .. $self->{clients}) {
        $messaging->fork_child("$self->{name}-client$n", $limit, sub { $self->work_as($n) });
    }
    return $self;
}

sub user_of { my ($self, $n) = @_; return $self->{users}[($n - 1) % @{ $self->{users} }] }

sub listen_as {
    my ($self, $n) = @_;
    srand $self->{seed} + 1000 + $n;
    my $user = $self->user_of($n);
    Test::Messaging::Listener->new(
        $self->{messaging},
        user      => $user,
        notes     => $self->path("listener$n.notes"),
        goal      => $self->path("$user.goal"),
        cut_every => $self->{cut_every},
    )->run;
    return;
}

# --- A client

sub work_as {
    my ($self, $n) = @_;
    srand $self->{seed} + $n;
    my $stopped;
    local $SIG{TERM} = sub { $stopped //= time };
    my $client = Test::Messaging::Client->new(
        $self->{messaging},
        name    => "$self->{name}-c$n",
        user    => $self->user_of($n),
        journal => $self->path("client$n.journal"),
    )->give_up_when(sub { $stopped && time > $stopped + LIMIT / 4 });
    my %state = (client => $client, user => $self->user_of($n), number => $n, last => {});
    until ($stopped) {
        $self->act(\%state);
        sleep rand 2 * $self->{pause};
    }
    return;
}

sub act {
    my ($self, $state) = @_;
    my @mine = grep { is_member($_, $state->{user}) } @{ $self->{groups} };
    my $group = $mine[rand @mine];
    my $client = $state->{client};
    my $kind = rand;
    if (!$group->{opened} || $kind < 0.04 && !$group->{ticket}) {
        my @others = grep { $_ ne $state->{user} } @{ $group->{members} };
        my $content = rand() < 0.6 ? $self->text($state) : undef;
        my $answer = $client->start(\@others, $group->{id}, $content);
        $group->{opened} = 1 if $answer && $answer->{status} =~ /^2/;
    } elsif ($kind < 0.12) {
        $client->read_up_to($group->{id}, rand() < 0.5 ? undef : 1 + int rand 50);
    } elsif ($kind < 0.15) {
        $self->be_wrong($state, $group);
    } elsif ($kind < 0.22) {
        $self->{messaging}->get('/unread-count', as => $state->{user});    # leaves it in a cache
    } elsif ($kind < 0.28) {
        $client->change($group->{id}, 'about ' . $self->text($state) =~ s/ x+$//r, change_of());
    } elsif ($kind < 0.30) {
        $self->open_ticket($state, $group);
    } else {
        my $copies = rand() < 0.1 ? 2 + int rand 2 : 1;
        my $key = "$state->{number}-" . ++$state->{sent};
        my $answer = $client->send_message($group->{id}, $self->text($state),
            copies => $copies, key => $key, once_refused => rand() < 0.3,
            rand() < 0.2 ? (data => { price => int rand 100, of => [$key] }) : ());
        if ($answer && $answer->{status} =~ /^2/) {
            $state->{last}{ $group->{id} } = $key;
            $client->look_for($group->{id}, $answer->{json}{seq}) if rand() < 0.1;
        }
    }
    return;
}

# What else a change says, sometimes.
sub change_of {
    my %change;
    $change{status} = rand() < 0.5 ? 'closed' : 'open' if rand() < 0.5;
    $change{archived} = rand() < 0.5 ? JSON::PP::true : JSON::PP::false if rand() < 0.3;
    return %change;
}

# Only this client writes into it; its other members read.
sub open_ticket {
    my ($self, $state, $group) = @_;
    my $key = "$self->{name}-$state->{number}-ticket" . ++$state->{tickets};
    my $id = ticket_id($state->{user}, $key);
    my @others = grep { $_ ne $state->{user} } @{ $group->{members} };
    my $answer = $state->{client}->open_ticket(\@others, $id, $self->text($state), $key);
    push @{ $self->{groups} }, { id => $id, members => $group->{members}, opened => 1, ticket => 1 }
        if $answer && $answer->{status} =~ /^2/;
    return;
}

sub is_member {
    my ($group, $user) = @_;
    return scalar grep { $_ eq $user } @{ $group->{members} };
}

# Of different lengths: previews are cut at 160 characters.
sub text {
    my ($self, $state) = @_;
    my $text = "$self->{name} $state->{number} " . ++$state->{texts};
    $text .= ' ' . 'x' x rand 300 if rand() < 0.2;
    return $text =~ s/ $//r;
}

# What must be refused: as a stranger, under a key that is another message's, too long.
sub be_wrong {
    my ($self, $state, $group) = @_;
    my $text = 'wrong ' . $self->text($state);
    my ($strange) = grep { $_->{opened} && !is_member($_, $state->{user}) } @{ $self->{groups} };
    my $used = $state->{last}{ $group->{id} };
    if ($strange && rand() < 0.4) {
        $state->{client}->send_message($strange->{id}, $text);
    } elsif ($used && rand() < 0.7) {
        $state->{client}->send_message($group->{id}, $text, key => $used);
    } else {
        $state->{client}->send_message($group->{id}, $text . 'y' x 10_000);
    }
    return;
}

# --- The end

# To be called when all parts are healed: every request gets its answer, then everybody stops.
sub end {
    my ($self) = @_;
    my $messaging = $self->{messaging};
    my @clients = map { "$self->{name}-client$_" } 1 .. $self->{clients};
    kill 'TERM', grep { defined } map { $messaging->pid($_) } @clients;
    $self->{unclean} = [];
    for my $name (@clients) {
        $messaging->wait_for("end of $name", sub { !$messaging->alive($name) }, LIMIT);
        push @{ $self->{unclean} }, $name if $messaging->{status}{$name};
    }
    return $self;
}

sub observe {
    my ($self) = @_;
    my %observed = (conversations => {}, views => {}, listeners => []);
    $observed{operations} = [map { Test::Messaging::Client::operations($_) }
        map { $self->path("client$_.journal") } 1 .. $self->{clients}];
    $observed{views}{$_} = $self->view($_) for @{ $self->{users} };
    my @tickets = map { { id => $_->{conversation}, members => $_->{members} } }
        grep { $_->{op} eq 'ticket' } @{ $observed{operations} };
    for my $group (@{ $self->{groups} }, @tickets) {
        my %histories;
        for my $user (@{ $group->{members} }) {
            next if !$observed{views}{$user}{list}{ $group->{id} };
            $histories{$user} = $self->history($group->{id}, $user);
        }
        $observed{conversations}{ $group->{id} } =
            { members => $group->{members}, histories => \%histories };
    }
    $self->converge(\%observed);
    return \%observed;
}

sub view {
    my ($self, $user) = @_;
    my (%list, $cursor);
    do {
        my $page = $self->{messaging}->fetch(
            '/conversations?limit=200&cursor=' . ($cursor // ''), $user);
        $list{ $_->{id} } = $_ for @{ $page->{conversations} };
        $cursor = $page->{nextCursor};
    } while (defined $cursor);
    return { list => \%list, badge => $self->{messaging}->fetch('/unread-count', $user) };
}

sub history {
    my ($self, $id, $user) = @_;
    my @history;
    while (1) {
        my $after = @history ? $history[-1]{seq} : 0;
        my $page = $self->{messaging}->fetch(
            "/conversations/$id/messages?limit=200&after=$after", $user);
        last if !@{ $page->{messages} };
        push @history, @{ $page->{messages} };
    }
    return \@history;
}

# Tells the listeners what there is, and waits until each has it all; those that do not are the
# checker's to tell.
sub converge {
    my ($self, $observed) = @_;
    my $messaging = $self->{messaging};
    for my $user (@{ $self->{users} }) {
        my %goal;
        my $list = $observed->{views}{$user}{list};
        for my $id (keys %$list) {
            my $conversation = $observed->{conversations}{$id} or next;
            $goal{$id} = [scalar @{ $conversation->{histories}{$user} }, $list->{$id}{readSeq}];
        }
        my $path = $self->path("$user.goal");
        $messaging->write_file("$path.new", $json->encode(\%goal));
        rename "$path.new", $path or die "$path: $!";
    }
    my @names = map { "$self->{name}-listener$_" } 1 .. $self->{listeners};
    my $start = time;
    eval { $messaging->wait_for('streams', sub { !grep { $messaging->alive($_) } @names }, 45) };
    $self->{converged} = time - $start;
    $self->{late} = [grep { $messaging->alive($_) } @names];
    kill 'KILL', map { $messaging->pid($_) } @{ $self->{late} };
    $messaging->wait_for('end', sub { !$messaging->alive($_) }) for @{ $self->{late} };
    for my $n (1 .. $self->{listeners}) {
        my @notes = Test::Messaging::Listener::notes($self->path("listener$n.notes"));
        push @{ $observed->{listeners} },
            { name => $names[$n - 1], user => $self->user_of($n), notes => \@notes };
    }
    return;
}

# Processes of the load that did not end by themselves or not well: none, if all is well.
sub failed { my ($self) = @_; return (@{ $self->{unclean} }, @{ $self->{late} }) }

# How long the streams took to have everything, once all was healed.
sub converged { return $_[0]{converged} }

1;
