package Test::Messaging::Stream;

# A client of one event stream over HTTP/1.1: reads frames as they come, keeps all of them, and
# waits for those that a test names. It does not reconnect by itself; last_id() is there for that.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Time::HiRes qw(time);

my $json = JSON::PP->new->utf8->allow_nonref;

sub new {
    my ($class, %options) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $options{port})
        or die "connect: $!";
    my $self = bless {
        socket => $socket, in => '', body => '', events => [], comments => 0, taken => 0,
    }, $class;
    my %headers = (Host => 'localhost', Accept => 'text/event-stream', %{ $options{headers} || {} });
    print $socket "GET $options{path} HTTP/1.1\r\n",
        (map { "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n";
    $socket->flush;
    my $end = time + 20;
    while (!$self->{head} && !$self->{closed}) {
        die 'no answer to a stream' if time > $end;
        $self->pump(0.05);
    }
    return $self;
}

sub status  { ($_[0]{head} // '') =~ m{^HTTP/1\.\d (\d+)} ? $1 : 0 }
sub head    { $_[0]{head} }
sub body    { $_[0]{raw} }
sub events  { @{ $_[0]{events} } }
sub closed  { $_[0]{closed} }
sub last_id { $_[0]{id} }
sub retry   { $_[0]{retry} }
sub comments { $_[0]{comments} }
sub close   { my ($self) = @_; CORE::close(delete $self->{socket}) if $self->{socket}; $self->{closed} = 1 }

# Reads what is there, waiting at most `seconds` for it.
sub pump {
    my ($self, $seconds) = @_;
    return if $self->{closed};
    return if !IO::Select->new($self->{socket})->can_read($seconds);
    my $read = sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
    $self->{closed} = 1 if !$read;
    if (!$self->{head}) {
        $self->{in} =~ s/^(.*?\r\n)\r\n//s or return;
        $self->{head} = $1;
        $self->{chunked} = $self->{head} =~ /transfer-encoding: chunked/i;
    }
    $self->unchunk;
    $self->frames;
}

sub unchunk {
    my ($self) = @_;
    if (!$self->{chunked}) {
        $self->{body} .= $self->{in};
        $self->{raw} .= $self->{in};
        $self->{in} = '';
        return;
    }
    while ($self->{in} =~ /^([0-9a-fA-F]+)[^\r\n]*\r\n/) {
        my ($size, $start) = (hex $1, $+[0]);
        last if length $self->{in} < $start + $size + 2;
        my $chunk = substr $self->{in}, $start, $size;
        substr($self->{in}, $start + $size, 2) eq "\r\n" or die "bad chunk";
        substr($self->{in}, 0, $start + $size + 2) = '';
        $self->{body} .= $chunk;
        $self->{raw} .= $chunk;
        $self->{ended} = 1 if $size == 0;
    }
}

# WHATWG HTML, "Server-sent events", in the part that a server of ours can send.
sub frames {
    my ($self) = @_;
    while ($self->{body} =~ s/^(.*?)\n\n//s) {
        my %frame = (at => time);
        for my $line (split /\n/, $1) {
            my ($name, $value) = $line =~ /^([^:]*):? ?(.*)$/s;
            if ($name eq '') { $self->{comments}++; next }
            if ($name eq 'retry') { $self->{retry} = $value; next }
            $frame{$name} = defined $frame{$name} ? "$frame{$name}\n$value" : $value;
        }
        $self->{id} = $frame{id} if defined $frame{id};
        next if !defined $frame{data};
        $frame{event} //= 'message';
        $frame{json} = eval { $json->decode($frame{data}) };
        push @{ $self->{events} }, \%frame;
    }
}

# Hands over all events that came and forgets them; for streams that live long.
sub drain {
    my ($self) = @_;
    $self->{taken} = 0;
    $self->{raw} = '';
    return splice @{ $self->{events} };
}

# The next event of this type that no earlier call returned (and that passes the test); those
# before it are passed over. Dies after `limit` seconds.
sub event {
    my ($self, $type, $test, $limit) = @_;
    my $end = time + ($limit || 20);
    while (1) {
        while ($self->{taken} < @{ $self->{events} }) {
            my $event = $self->{events}[ $self->{taken}++ ];
            next if $event->{event} ne $type;
            next if $test && !$test->($event->{json});
            return $event;
        }
        die "stream closed, no $type: " . $self->summary if $self->{closed};
        die "no $type in time: " . $self->summary if time > $end;
        $self->pump(0.1);
    }
}

# Reads until the server closes.
sub until_closed {
    my ($self, $limit) = @_;
    my $end = time + ($limit || 20);
    while (!$self->{closed} && !$self->{ended}) {
        die 'stream stays open' if time > $end;
        $self->pump(0.1);
    }
    return 1;
}

sub summary {
    my ($self) = @_;
    return join ' ', $self->status, map { $_->{event} } $self->events;
}

1;
