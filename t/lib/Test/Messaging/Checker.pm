package Test::Messaging::Checker;

# Holds what clients were told against what is there. Pure: it is given what was observed and
# answers with the contradictions, each a line "KIND: what"; no line means that every promise was
# kept. t/tools/checker.t shows that it finds each kind.
#
#   my @problems = problems({
#       operations    => [{ op, user, conversation, key, content, data, subject, start,
#                           attempts => [{ at, status, message, readSeq }…] }…],
#       conversations => { ID => { members => [USER…], histories => { USER => [MESSAGE…] } } },
#       views         => { USER => { list => { ID => CONVERSATION }, badge => BADGE } },
#       listeners     => [{ name, user, notes => [NOTE…] }…],
#   });
#
# Messages, conversations and badges are as the API gives them. An operation is one request with
# all its repeats under one key (Test::Messaging::Client), and its content is nobody else's; a
# note is what a client of a stream saw (Test::Messaging::Listener). All times are of one clock.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP;

our @EXPORT_OK = qw(problems figures staleness kinds);

my $json = JSON::PP->new->canonical;

# How long a stream may show a later message and not an earlier one. An owner that was stopped
# between commit and publication is late, but then it is told; longer is a silent gap.
use constant PATIENCE => 10;

# Characters of a list's preview.
use constant PREVIEW => 160;

sub kinds { return qw(loss stale double refused unasked inversion hole difference drift stream) }

sub problems {
    my ($observed) = @_;
    my $index = index_of($observed);
    return (
        answers($observed, $index),
        stored($observed, $index),
        order($observed, $index),
        holes($observed),
        differences($observed),
        drift($observed, $index),
        changes($observed),
        streams($observed, $index),
    );
}

# --- What an operation was answered

sub acknowledged { return grep { ($_->{status} // 0) =~ /^2/ } @{ $_[0]{attempts} } }
sub refused      { return grep { ($_->{status} // 0) =~ /^4/ } @{ $_[0]{attempts} } }

# May be stored: an attempt that was never answered, or by 500, 504 or a cut connection.
sub unknown { return grep { ($_->{status} // 0) !~ /^(?:2|4|503)/ } @{ $_[0]{attempts} } }

sub name_of {
    my ($operation) = @_;
    return join ' ', $operation->{op}, map { "$_=$operation->{$_}" }
        grep { defined $operation->{$_} } qw(user conversation key content subject seq);
}

sub statuses {
    my ($operation) = @_;
    return join ' ', map { $_->{status} // 'none' } @{ $operation->{attempts} };
}

# The history that counts: the first member's. differences() holds the others' to it.
sub history_of {
    my ($conversation) = @_;
    my ($first) = sort keys %{ $conversation->{histories} };
    return defined $first ? $conversation->{histories}{$first} : [];
}

sub index_of {
    my ($observed) = @_;
    my %index = (message => {}, operation => {}, size => {});
    for my $id (keys %{ $observed->{conversations} }) {
        my $history = history_of($observed->{conversations}{$id});
        $index{size}{$id} = @$history;
        $index{history}{$id} = $history;
        push @{ $index{message}{$id}{ $_->{id} } }, $_ for @$history;
    }
    for my $operation (@{ $observed->{operations} }) {
        $index{operation}{ $operation->{content} } = $operation if defined $operation->{content};
    }
    return \%index;
}

# --- Loss, and contradicting answers

sub answers {
    my ($observed, $index) = @_;
    my @problems;
    for my $operation (@{ $observed->{operations} }) {
        my @acknowledged = acknowledged($operation);
        my $name = name_of($operation);
        push @problems, "stale: $name: acknowledged before, and not read"
            if $operation->{op} eq 'look' && ($operation->{found} // 0) != $operation->{seq};
        push @problems, "refused: $name: answered " . statuses($operation)
            if @acknowledged && refused($operation);
        my %ids;
        for my $answer (@acknowledged) {
            push @problems, answer_problems($observed, $index, $operation, $answer);
            $ids{ $answer->{message}{id} }++ if $answer->{message};
        }
        push @problems, "double: $name: answered as " . join ', ', sort keys %ids
            if keys %ids > 1;
    }
    return @problems;
}

sub answer_problems {
    my ($observed, $index, $operation, $answer) = @_;
    my $name = name_of($operation);
    my $id = $operation->{conversation};
    my $view = $observed->{views}{ $operation->{user} }{list}{ $id // '' };
    if ($operation->{op} eq 'read') {
        my $found = $view ? $view->{readSeq} : 'no conversation';
        return $view && $found >= $answer->{readSeq} ? ()
            : "loss: $name: acknowledged readSeq $answer->{readSeq}, found $found";
    }
    return if $operation->{op} eq 'change';    # changes() judges its effect
    if (!defined $operation->{content}) {
        return $view ? () : "loss: $name: the conversation is not listed";
    }
    my $message = $answer->{message} or return "loss: $name: acknowledged without a message";
    my ($found) = @{ $index->{message}{$id}{ $message->{id} } || [] };
    return "loss: $name: acknowledged as $message->{id}, is not there" if !$found;
    for my $field ([seq => $message->{seq}], [senderId => $operation->{user}],
        [content => $operation->{content}])
    {
        my ($key, $expected) = @$field;
        return "loss: $name: $key is '$found->{$key}', acknowledged '$expected'"
            if $found->{$key} ne $expected;
    }
    return;
}

# --- Doubled, stored though refused, never asked for

sub stored {
    my ($observed, $index) = @_;
    my @problems;
    my %times;
    for my $id (sort keys %{ $index->{history} }) {
        for my $message (@{ $index->{history}{$id} }) {
            my $operation = $index->{operation}{ $message->{content} };
            if (!$operation || $operation->{user} ne $message->{senderId}
                || $operation->{conversation} ne $id) {
                push @problems, "unasked: $message->{id} of $message->{senderId}: "
                    . "nobody sent '$message->{content}'";
                next;
            }
            my $name = name_of($operation);
            push @problems, "double: $name: stored again as $message->{id}"
                if $times{ $message->{content} }++;
            push @problems, "loss: $name: its data is not what was sent"
                if $json->encode([$message->{data}]) ne $json->encode([$operation->{data}]);
            push @problems, "refused: $name: stored as $message->{id}, answered "
                . statuses($operation)
                if !acknowledged($operation) && (refused($operation) || !unknown($operation));
        }
    }
    return @problems;
}

# --- Order: who was acknowledged before another began comes first

sub order {
    my ($observed, $index) = @_;
    my @problems;
    for my $id (sort keys %{ $index->{history} }) {
        my ($latest, $created);    # the operation below that began last; the last createdAt
        for my $message (sort { $a->{seq} <=> $b->{seq} } @{ $index->{history}{$id} }) {
            push @problems, "inversion: $message->{id}: createdAt $message->{createdAt} "
                . "after $created"
                if defined $created && defined $message->{createdAt}
                && $message->{createdAt} lt $created;
            $created = $message->{createdAt} // $created;
            my $operation = $index->{operation}{ $message->{content} } or next;
            my ($end) = sort { $a <=> $b } map { $_->{at} } acknowledged($operation);
            push @problems, "inversion: '$message->{content}' was acknowledged before "
                . "'$latest->{content}' began, and comes after it"
                if $latest && defined $end && $end < $latest->{start};
            $latest = $operation if !$latest || $operation->{start} > $latest->{start};
        }
    }
    return @problems;
}

# --- Holes, and the same for all

sub holes {
    my ($observed) = @_;
    my @problems;
    for my $id (sort keys %{ $observed->{conversations} }) {
        my $histories = $observed->{conversations}{$id}{histories};
        for my $user (sort keys %$histories) {
            my $next = 1;
            for my $message (@{ $histories->{$user} }) {
                push @problems, "hole: $id as $user sees it: $message->{seq} instead of $next"
                    if $message->{seq} != $next;
                $next = $message->{seq} + 1;
            }
        }
    }
    return @problems;
}

sub line_of { return join "\t", map { $_ // '' } @{ $_[0] }{qw(id seq senderId content createdAt)} }

sub differences {
    my ($observed) = @_;
    my @problems;
    for my $id (sort keys %{ $observed->{conversations} }) {
        my $histories = $observed->{conversations}{$id}{histories};
        my ($first, @others) = sort keys %$histories;
        for my $user (@others) {
            my ($mine, $other) = @$histories{ $first, $user };
            my $longer = @$mine > @$other ? $#$mine : $#$other;
            for my $place (0 .. $longer) {
                my ($left, $right) = map { $_ ? line_of($_) : 'nothing' }
                    $mine->[$place], $other->[$place];
                next if $left eq $right;
                push @problems, "difference: $id: $first sees '$left', $user '$right'";
                last;
            }
        }
    }
    return @problems;
}

# --- Unread counts, previews, badges: as recounted

sub unread_of {
    my ($history, $user, $read) = @_;
    return scalar grep { $_->{seq} > $read && $_->{senderId} ne $user } @$history;
}

sub drift {
    my ($observed, $index) = @_;
    my @problems;
    for my $user (sort keys %{ $observed->{views} }) {
        my $view = $observed->{views}{$user};
        my %unread;
        for my $id (sort keys %{ $observed->{conversations} }) {
            next if !grep { $_ eq $user } @{ $observed->{conversations}{$id}{members} };
            my $history = $index->{history}{$id};
            my $listed = $view->{list}{$id};
            if (!$listed) {
                push @problems, "drift: $user does not list $id" if @$history;
                next;
            }
            my $unread = unread_of($history, $user, $listed->{readSeq});
            $unread{$id} = $unread if $unread;
            push @problems, map { "drift: $id of $user: $_" }
                membership_problems($listed, $history, $unread);
        }
        push @problems, map { "drift: badge of $user: $_" } badge_problems($view->{badge}, \%unread);
    }
    return @problems;
}

sub membership_problems {
    my ($listed, $history, $unread) = @_;
    my @problems;
    my $last = @$history ? $history->[-1] : { seq => 0 };
    push @problems, "unreadCount $listed->{unreadCount}, recounted $unread"
        if $listed->{unreadCount} != $unread;
    push @problems, "lastSeq $listed->{lastSeq}, the last is $last->{seq}"
        if $listed->{lastSeq} != $last->{seq};
    push @problems, "readSeq $listed->{readSeq} of $last->{seq}"
        if $listed->{readSeq} > $last->{seq};
    my $preview = $listed->{lastMessage} || { seq => 0 };
    push @problems, "its preview is of $preview->{seq}, the last is $last->{seq}"
        if $preview->{seq} != $last->{seq};
    push @problems, "its preview is '$preview->{content}', the last is '$last->{content}'"
        if $preview->{seq} && $preview->{seq} == $last->{seq}
        && $preview->{content} ne preview_of($last->{content});
    return @problems;
}

sub preview_of {
    my ($content) = @_;
    return length $content <= PREVIEW ? $content : substr($content, 0, PREVIEW - 1) . "\x{2026}";
}

sub badge_problems {
    my ($badge, $unread) = @_;
    my @problems;
    my $sum = 0;
    $sum += $_ for values %$unread;
    push @problems, "$badge->{count}, recounted $sum" if $badge->{count} != $sum;
    my %ids = (%$unread, %{ $badge->{conversations} });
    for my $id (sort keys %ids) {
        my ($told, $right) = map { $_->{$id} // 0 } $badge->{conversations}, $unread;
        push @problems, "$id $told, recounted $right" if $told != $right;
    }
    return @problems;
}

# --- Changes: all members see the same, and of changes that did not overlap the last one

sub changes {
    my ($observed) = @_;
    my (%of, @problems);
    push @{ $of{ $_->{conversation} } }, $_
        for grep { $_->{op} eq 'change' && defined $_->{subject} } @{ $observed->{operations} };
    for my $id (sort keys %{ $observed->{conversations} }) {
        my @listed = grep { $_ } map { $observed->{views}{$_}{list}{$id} } @{ $observed->{conversations}{$id}{members} };
        my %seen = map { ($json->encode([@$_{qw(subject status rev)}]) => 1) } @listed;
        push @problems, "difference: $id: " . join ' or ', sort keys %seen if keys %seen > 1;
        push @problems, subject_problems($id, $listed[0]{subject}, @{ $of{$id} }) if @listed && $of{$id};
    }
    return @problems;
}

# An acknowledged change that began when the one that stands was acknowledged has been lost.
sub subject_problems {
    my ($id, $subject, @changes) = @_;
    my ($stands) = grep { $_->{subject} eq ($subject // '') } @changes;
    return "unasked: $id: nobody said '$subject'" if defined $subject && !$stands;
    return 'refused: ' . name_of($stands) . ": answered " . statuses($stands)
        if $stands && !acknowledged($stands) && (refused($stands) || !unknown($stands));
    my ($end) = $stands ? sort { $a <=> $b } map { $_->{at} } acknowledged($stands) : (0);
    return map { 'loss: ' . name_of($_) . ": has '" . ($subject // 'no subject') . "'" }
        grep { acknowledged($_) && defined $end && $_->{start} > $end } @changes;
}

# --- Streams: live and refetched together are what is stored, with no silent gap

sub streams {
    my ($observed, $index) = @_;
    return map { stream_problems($_, $observed, $index) } @{ $observed->{listeners} };
}

sub stream_problems {
    my ($listener, $observed, $index) = @_;
    my $user = $listener->{user};
    my @problems = gaps($listener);
    my %seen;
    for my $note (@{ $listener->{notes} }) {
        if ($note->{what} eq 'message') {
            push @problems, foreign($note, $index);
            $seen{ $note->{conversationId} }{ $note->{seq} } = 1;
        } elsif ($note->{what} eq 'unread') {
            push @problems, unread_problems($note, $user, $index);
        }
    }
    for my $id (sort keys %{ $observed->{conversations} }) {
        next if !grep { $_ eq $user } @{ $observed->{conversations}{$id}{members} };
        my @missing = grep { !$seen{$id}{$_} } 1 .. $index->{size}{$id};
        push @problems, "never saw " . @missing . " of $id, the first is $missing[0]" if @missing;
    }
    return map { "stream: $listener->{name} of $user: $_" } @problems;
}

# A message that was shown is stored, and as it was shown.
sub foreign {
    my ($note, $index) = @_;
    my ($id, $seq) = @$note{qw(conversationId seq)};
    my $history = $index->{history}{$id} or return "saw $note->{id} of no conversation";
    my $message = $seq > 0 ? $history->[$seq - 1] : undef;
    return "saw $note->{id}, which is not stored" if !$message;
    my ($shown, $stored) = map { line_of($_) } $note, $message;
    return $shown eq $stored ? () : "saw '$shown', stored is '$stored'";
}

# Its four numbers against the messages.
sub unread_problems {
    my ($note, $user, $index) = @_;
    my $id = $note->{conversationId};
    my $history = $index->{history}{$id} || [];
    my @problems;
    for my $pair ([lastSeq => 'sent'], [readSeq => 'readSent']) {
        my ($seq, $own) = @$note{@$pair};
        my $right = grep { $_->{seq} <= $seq && $_->{senderId} eq $user } @$history;
        push @problems, "was told $pair->[1] $own at $seq of $id, recounted $right"
            if $own != $right || $seq > @$history;
    }
    my $count = ($note->{lastSeq} - $note->{sent}) - ($note->{readSeq} - $note->{readSent});
    push @problems, "was told unreadCount $note->{unreadCount} of $id, its numbers say $count"
        if $note->{unreadCount} != $count;
    return @problems;
}

# A message that was passed over while later ones came, and no `reset` said so.
sub gaps {
    my ($listener) = @_;
    my @problems;
    my (%reached, %ahead, %open);    # by conversation: complete up to; seen above; since when
    my $fetched = 0;
    for my $note (@{ $listener->{notes} }) {
        if ($note->{what} eq 'reset' || $note->{what} eq 'hello' && !$note->{resumed}) {
            $fetched = 0;
            %open = ();
        } elsif ($note->{what} eq 'fetched') {
            $fetched = 1;
        } elsif ($note->{what} eq 'message') {
            my ($id, $seq) = @$note{qw(conversationId seq)};
            $reached{$id} //= 0;
            $ahead{$id}{$seq} = 1 if $seq > $reached{$id};
            $reached{$id}++ while delete $ahead{$id}{ $reached{$id} + 1 };
            my $gap = $fetched && %{ $ahead{$id} || {} };
            $gap ? ($open{$id} //= $note->{at}) : delete $open{$id};
        }
        for my $id (grep { $note->{at} > $open{$_} + PATIENCE } keys %open) {
            push @problems, 'saw nothing of ' . ($reached{$id} + 1)
                . " in $id for ${\PATIENCE} s, but later ones";
            delete $open{$id};
        }
    }
    return @problems;
}

# --- Figures for a summary

sub figures {
    my ($operations) = @_;
    my %figures = (operations => 0, requests => 0, acknowledged => 0, repeats => 0, open => 0);
    for my $operation (@$operations) {
        my $attempts = @{ $operation->{attempts} };
        next if !$attempts;
        $figures{operations}++;
        $figures{requests} += $attempts;
        $figures{repeats} += $attempts - 1;
        $figures{acknowledged}++ if acknowledged($operation);
        $figures{open}++
            if !acknowledged($operation) && !refused($operation) && unknown($operation);
        $figures{status}{ $_->{status} // 'none' }++ for @{ $operation->{attempts} };
    }
    return \%figures;
}

# The longest time from a message's acknowledgement until a listener had it, live or fetched.
sub staleness {
    my ($observed) = @_;
    my %acknowledged;
    for my $operation (grep { defined $_->{content} } @{ $observed->{operations} }) {
        my ($at) = sort { $a <=> $b } map { $_->{at} } acknowledged($operation);
        $acknowledged{ $operation->{content} } = $at if defined $at;
    }
    my $longest = 0;
    for my $listener (@{ $observed->{listeners} }) {
        my %first;
        for my $note (grep { $_->{what} eq 'message' } @{ $listener->{notes} }) {
            my $at = $acknowledged{ $note->{content} } // next;
            next if $first{ $note->{id} }++;
            my $late = $note->{at} - $at;
            $longest = $late if $late > $longest;
        }
    }
    return $longest;
}

1;
