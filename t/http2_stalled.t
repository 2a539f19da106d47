#!/usr/bin/perl

# A stream that opens over an HTTP/2 connection whose socket is full of another answer: its head
# has to wait, and it is a stream all the same once the client reads on.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Test::Messaging;

use constant { DATA => 0, HEADERS => 1, RESET => 3, SETTINGS => 4, WINDOW => 8 };
use constant ENDS => 1;
use constant WHOLE => 5;    # END_STREAM and END_HEADERS
use constant DOWNLOAD => 2_000_000;

my $t = Test::Messaging->new;
my $h2 = Test::Messaging::free_port();
$t->conf(<<"CONF");
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:$h2 http2 sndbuf=16k;
        location /api/messages { messaging; }
        location /download { root %%DIR%%; }
    }
CONF
$t->write_file('download', 'x' x DOWNLOAD);
$t->run;
my $id = $t->open_conversation('alice', 'bob');

sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload;
}

# RFC 7541: an integer of seven bits in front, and headers as they are.
sub hpack_text {
    my ($text) = @_;
    my ($length, $out) = (length $text, '');
    return pack('C', $length) . $text if $length < 127;
    for ($length -= 127; $length >= 128; $length >>= 7) { $out .= pack 'C', $length % 128 + 128 }
    return "\x7F$out" . pack('C', $length) . $text;
}

sub get {
    my ($stream, $path, @more) = @_;
    my @headers = (':method', 'GET', ':scheme', 'http', ':path', $path, ':authority', 'x', @more);
    my $block = '';
    while (my ($name, $value) = splice @headers, 0, 2) {
        $block .= "\0" . hpack_text($name) . hpack_text($value);
    }
    return frame(HEADERS, WHOLE, $stream, $block);
}

my $socket = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $!";
setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096;
connect $socket, Socket::pack_sockaddr_in($h2, Socket::inet_aton('127.0.0.1')) or die "connect: $!";
my $much = 0x7FFFFFFF;
syswrite $socket, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(SETTINGS, 0, 0, pack 'nN', 4, $much)
    . frame(WINDOW, 0, 0, pack 'N', $much - 65535) . get(1, '/download');

# Nothing is read until the server has the stream's events to send.
$t->wait_for('a full socket', sub { IO::Select->new($socket)->can_read(0) });
select undef, undef, undef, 0.5;
syswrite $socket, get(3, '/api/messages/stream', authorization => 'Bearer ' . $t->token('bob'));
$t->wait_for('its log', sub { @{ $t->redis('KEYS', '*:log:*') } });
$t->send_text('alice', $id, "m$_") for 1 .. 3;

my ($in, $events, $download, %of) = ('', '', 0);
$t->wait_for('the messages', sub {
    sysread $socket, $in, 65536, length $in or return 1;
    while (length $in >= 9) {
        my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $in;
        my $length = $high * 65536 + $low;
        last if length $in < 9 + $length;
        my $payload = substr $in, 9, $length;
        substr($in, 0, 9 + $length) = '';
        $of{$stream}{$type}++;
        $of{$stream}{ended} ||= $flags & ENDS if $type == DATA || $type == HEADERS;
        next if $type != DATA;
        $events .= $payload if $stream == 3;
        $download += $length if $stream == 1;
    }
    return $of{3}{ended} || $of{3}{ +RESET } || $download == DOWNLOAD && $events =~ /^event: message\n.*"m3"/m;
}, 60);
ok($of{3}{ +HEADERS }, 'the head comes');
ok(!$of{3}{ended} && !$of{3}{ +RESET }, 'the stream stands');
like($events, qr/event: hello\n/, 'with hello');
is_deeply([$events =~ /^event: message\n.*"content":"m(\d)"/mg], [1 .. 3], 'and all events, in order');
is($download, DOWNLOAD, 'beside the whole of the other answer');
unlike($t->read_file('error.log'), qr/stream of .* ended/, 'nothing ended');
close $socket;

$t->finish;
