package Test::Messaging::Client;

# A user who means every request: repeated under the same key until it has a definite answer.
# Whoever sends without the answer of a journal cannot say afterwards what was lost, so a line is
# written before each attempt and one after; operations() reads them for Test::Messaging::Checker.
#
#   my $client = Test::Messaging::Client->new($messaging,
#       name => 'c1', user => 'alice', journal => $path);
#   $client->send_message($conversation, 'unlike any other text');

use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);

use Test::Messaging::Request;

my $json = JSON::PP->new->utf8->canonical;

# No answer of the product's takes longer than its own timeout; this is for what hangs.
use constant PATIENCE => 15;

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub new {
    my ($class, $messaging, %options) = @_;
    open my $journal, '>>', $options{journal} or die "$options{journal}: $!";
    $journal->autoflush(1);
    return bless {
        messaging => $messaging,
        name      => $options{name},
        user      => $options{user},
        journal   => $journal,
        http      => HTTP::Tiny->new(timeout => PATIENCE, keep_alive => 1),
        count     => 0,
        give_up   => sub { 0 },
    }, $class;
}

# When this says so, an operation ends without an answer.
sub give_up_when { $_[0]{give_up} = $_[1]; return $_[0] }

# `copies`: the first attempt is made so often at once. `key`: another than one of its own.
# `once_refused`: a 503 is an answer too, unless an attempt before it may have been stored. `data`:
# what the message carries.
sub send_message {
    my ($self, $conversation, $content, %options) = @_;
    my %data = $options{data} ? (data => $options{data}) : ();
    my $operation = { op => 'send', conversation => $conversation, content => $content, %data };
    return $self->operate($operation, 'POST', "/conversations/$conversation/messages",
        { content => $content, %data }, %options);
}

# A subject that is no other change's, and perhaps a status and more.
sub change {
    my ($self, $conversation, $subject, %more) = @_;
    my $operation = { op => 'change', conversation => $conversation, subject => $subject };
    return $self->operate($operation, 'PATCH', "/conversations/$conversation", { subject => $subject, %more });
}

# A ticket, which the key makes; of it too the id is known before.
sub open_ticket {
    my ($self, $members, $conversation, $content, $key) = @_;
    my $operation = { op => 'ticket', conversation => $conversation, content => $content,
        members => [sort $self->{user}, @$members] };
    return $self->operate($operation, 'POST', '/conversations',
        { members => $members, kind => 'ticket', content => $content }, key => $key);
}

# A start needs the id that it will have, since a lost answer does not tell it.
sub start {
    my ($self, $members, $conversation, $content, %options) = @_;
    my $operation = { op => 'start', conversation => $conversation, content => $content };
    return $self->operate($operation, 'POST', '/conversations',
        { members => $members, defined $content ? (content => $content) : () }, %options);
}

sub read_up_to {
    my ($self, $conversation, $seq) = @_;
    my $operation = { op => 'read', conversation => $conversation, seq => $seq };
    return $self->operate($operation, 'PATCH', "/conversations/$conversation/read",
        { defined $seq ? (seq => $seq) : () });
}

# Whether what was acknowledged just now can be read; no answer is no news.
sub look_for {
    my ($self, $conversation, $seq) = @_;
    my $after = $seq - 1;
    my $answer = $self->{messaging}->get(
        "/conversations/$conversation/messages?after=$after&limit=1", as => $self->{user});
    return if $answer->{status} != 200;
    my ($found) = map { $_->{seq} } @{ $answer->{json}{messages} };
    my $operation = { op => 'look', conversation => $conversation, seq => $seq };
    $self->note({ %$operation, n => ++$self->{count}, user => $self->{user}, start => now(),
        found => $found });
    return;
}

# The definite answer, or nothing.
sub operate {
    my ($self, $operation, $method, $path, $body, %options) = @_;
    my $n = ++$self->{count};
    my $key = $options{key} // "$self->{name}-$n";
    my @request = ($method, $path, $body, as => $self->{user}, key => $key);
    my $copies = $options{copies} // 1;
    my $unknown = !$options{once_refused};
    $self->note({ %$operation, n => $n, user => $self->{user}, key => $key, start => now() });
    while (1) {
        $self->note({ n => $n, attempts => $copies });
        my @answers = $copies > 1 ? $self->at_once($copies, @request) : $self->once(@request);
        $self->note({ n => $n, at => now(), result_of($_) }) for @answers;
        my ($definite) = grep { $_->{status} =~ /^[24]/ } @answers;
        return $definite if $definite;
        $unknown ||= grep { $_->{status} != 503 } @answers;
        return $answers[0] if !$unknown;
        return if $self->{give_up}->();
        sleep 0.02 + rand 0.15;
        $copies = 1;
    }
}

sub once {
    my ($self, $method, $path, $body, %options) = @_;
    my $url = 'http://127.0.0.1:' . $self->{messaging}->port . "/api/messages$path";
    my $headers = { %{ $self->{messaging}->headers_of(%options) },
        'Content-Type' => 'application/json' };
    my $answer = $self->{http}->request($method, $url,
        { headers => $headers, content => $json->encode($body) });
    $answer->{json} = eval { $json->decode($answer->{content}) };
    return $answer;
}

sub at_once {
    my ($self, $copies, @request) = @_;
    my @requests = map { Test::Messaging::Request->new($self->{messaging}, @request) } 1 .. $copies;
    my @answers = map { $_->answer(PATIENCE) } @requests;
    $_->close for @requests;
    return @answers;
}

# What the checker needs of an answer.
sub result_of {
    my ($answer) = @_;
    my %result = (status => $answer->{status});
    my $body = $answer->{json};
    return %result if ref $body ne 'HASH';
    $result{code} = $body->{code} if defined $body->{code};
    $result{readSeq} = $body->{readSeq} if defined $body->{readSeq};
    my $message = exists $body->{conversation} ? $body->{message} : $body;
    $result{message} = { map { $_ => $message->{$_} } qw(id seq) }
        if $message && defined $message->{senderId};
    return %result;
}

sub note {
    my ($self, $line) = @_;
    print { $self->{journal} } $json->encode($line) . "\n" or die "journal: $!";
    return;
}

# The operations of a journal, in their order. An attempt without a result has no status.
sub operations {
    my ($path) = @_;
    open my $journal, '<', $path or die "$path: $!";
    my (%operations, @order);
    while (my $line = <$journal>) {
        my $entry = $json->decode($line);
        my $operation = $operations{ $entry->{n} };
        if (!$operation) {
            $entry->{attempts} = [];
            $entry->{open} = 0;
            $operations{ $entry->{n} } = $entry;
            push @order, $entry;
        } elsif ($entry->{attempts}) {
            $operation->{open} += $entry->{attempts};
        } else {
            $operation->{open}--;
            delete $entry->{n};
            push @{ $operation->{attempts} }, $entry;
        }
    }
    for my $operation (@order) {
        push @{ $operation->{attempts} }, ({}) x delete $operation->{open};
    }
    return @order;
}

1;
