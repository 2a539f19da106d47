package Test::Messaging::Request;

# One request over a connection of its own that need not be waited for: a test lets it hang, kills
# what it hangs on, and looks at the answer later or never. Several of them are concurrent.
#
#   my $request = Test::Messaging::Request->new($messaging, 'POST', $path, $body, as => 'alice');
#   my $answer = $request->answer(2);    # as Test::Messaging's; status 599: none came

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Time::HiRes qw(time);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub new {
    my ($class, $messaging, $method, $path, $body, %options) = @_;
    my $self = bless { in => '' }, $class;
    $self->{socket} = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $messaging->port, Timeout => 5);
    return $self if !$self->{socket};
    my %headers = (
        %{ $messaging->headers_of(%options) },
        Host           => 'localhost',
        Connection     => 'close',
        'Content-Type' => 'application/json',
    );
    my $content = defined $body ? $json->encode($body) : '';
    $headers{'Content-Length'} = length $content;
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{socket} } "$method /api/messages$path HTTP/1.1\r\n",
        (map { "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n", $content;
    $self->{socket}->flush;
    return $self;
}

# The answer, if it comes within `limit` seconds.
sub answer {
    my ($self, $limit) = @_;
    my $end = time + $limit;
    while ($self->{socket}) {
        my $left = $end - time;
        last if $left <= 0 || !IO::Select->new($self->{socket})->can_read($left);
        next if sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
        $self->close;
    }
    return $self->parsed // { status => 599, content => 'no answer' };
}

sub parsed {
    my ($self) = @_;
    my ($head, $content) = $self->{in} =~ /^(.*?\r\n)\r\n(.*)$/s or return undef;
    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)} or return undef;
    my ($length) = $head =~ /^content-length: (\d+)/im;
    return undef if defined $length && length $content < $length;
    my $answer = { status => $status, content => $content };
    $answer->{json} = eval { $json->decode($content) } if $head =~ /^content-type: \S*json/im;
    return $answer;
}

sub close {
    my ($self) = @_;
    CORE::close(delete $self->{socket}) if $self->{socket};
    return;
}

1;
