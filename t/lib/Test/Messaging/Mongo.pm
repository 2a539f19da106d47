package Test::Messaging::Mongo;

# Collections as somebody else's program writes them: documents with the types that Prisma and
# Mongoose use, over MongoDB's own protocol. For tests of the import alone; it knows no more than
# that needs.
#
#   my $source = Test::Messaging::Mongo->new;          # a database of its own, dropped in the end
#   $source->insert('Message', { _id => oid(1), content => 'text', createdAt => date(1.7e12) });
#   $source->uri;

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;

our @EXPORT_OK = qw(oid date int64 bool document);

# --- BSON: a value is a text, or one of these

sub oid   { my ($n, $time) = @_; return bless { bytes => pack 'NNN', $time // 1_700_000_000, 0, $n }, 'Mongo::Oid' }
sub date  { return bless { value => $_[0] }, 'Mongo::Date' }
sub int64 { return bless { value => $_[0] }, 'Mongo::Int64' }
sub bool  { return bless { value => $_[0] }, 'Mongo::Bool' }
sub document { return bless {pairs => [@_]}, 'Mongo::Document' }

sub hex_of { return unpack 'H*', $_[0]{bytes} }

sub element {
    my ($name, $value) = @_;
    $name .= "\0";
    return "\x0a$name" if !defined $value;
    my $type = ref $value;
    return "\x07$name$value->{bytes}" if $type eq 'Mongo::Oid';
    return "\x09$name" . pack('q<', $value->{value}) if $type eq 'Mongo::Date';
    return "\x12$name" . pack('q<', $value->{value}) if $type eq 'Mongo::Int64';
    return "\x08$name" . ($value->{value} ? "\1" : "\0") if $type eq 'Mongo::Bool';
    return "\x03$name" . encode(@{ $value->{pairs} }) if $type eq 'Mongo::Document';
    return "\x03$name" . encode(map { $_ => $value->{$_} } sort keys %$value) if $type eq 'HASH';
    return "\x04$name" . encode(map { $_ => $value->[$_] } 0 .. $#$value) if $type eq 'ARRAY';
    utf8::encode(my $text = $value);
    return "\x02$name" . pack('l<', length($text) + 1) . "$text\0";
}

# In the order in which they are given.
sub encode {
    my $body = '';
    while (my ($name, $value) = splice @_, 0, 2) {
        $body .= element($name, $value);
    }
    return pack('l<', length($body) + 5) . "$body\0";
}

# --- The server

sub new {
    my ($class) = @_;
    my $self = bless { name => 'messaging_source_' . $$ . '_' . int(rand 1e9), parent => $$ }, $class;
    ($self->{host}, $self->{port}) = $ENV{MESSAGING_TEST_MONGODB} =~ m{^mongodb://([^/:?]+):?(\d*)}
        or die 'MESSAGING_TEST_MONGODB';
    return $self;
}

sub uri { return "mongodb://$_[0]{host}:" . ($_[0]{port} || 27017) . "/$_[0]{name}" }

sub command {
    my ($self, @pairs) = @_;
    $self->{socket} //= IO::Socket::INET->new(PeerAddr => $self->{host}, PeerPort => $self->{port} || 27017)
        or die "MongoDB: $@";
    my $body = "\0\0\0\0\0" . encode(@pairs, '$db' => $self->{name});
    print { $self->{socket} } pack('l<l<l<l<', length($body) + 16, ++$self->{id}, 0, 2013), $body;
    $self->{socket}->flush;
    read($self->{socket}, my $head, 4) == 4 or die 'MongoDB: no answer';
    my $left = unpack('l<', $head) - 4;
    read($self->{socket}, my $answer, $left) == $left or die 'MongoDB: half an answer';
    die "MongoDB refuses: $answer" if $answer =~ /errmsg|writeErrors/;
    return $answer;
}

# Documents as lists of names and values, or hashes, with an order or without.
sub insert {
    my ($self, $collection, @documents) = @_;
    while (my @some = splice @documents, 0, 1000) {
        $self->command(insert => $collection, documents => \@some);
    }
    return $self;
}

sub remove {
    my ($self, $collection) = @_;
    return $self->command(delete => $collection, deletes => [document(q => {}, limit => int64(0))]);
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{parent};
    local ($?, $@);
    eval { $self->command(dropDatabase => int64(1)) };
    return;
}

1;
