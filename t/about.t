#!/usr/bin/perl

# What conversations and messages are about: contexts, subjects, tickets, types and data, as they
# were given, wherever they are shown.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging;

my $t = Test::Messaging->new->run;
my $bob = $t->stream('bob');

sub start {
    my ($body, %options) = @_;
    my $r = $t->post('/conversations', { members => ['bob'], %$body }, as => 'alice', %options);
    return ($r->{status}, $r->{json}{conversation}, $r->{json});
}

# Contexts.
my $bicycle = { type => 'product', id => 'Vélo "7"' };
my ($status, $first) = start({ context => $bicycle, subject => " Bicycle\t", content => 'is it there?' });
is($status, 201, 'a conversation about a product');
is_deeply([@$first{qw(kind subject)}, $first->{context}], ['direct', 'Bicycle', $bicycle], 'says so');
is_deeply($bob->event('conversation')->{json}{context}, $bicycle, 'to the other member too');
($status, my $again) = start({ context => $bicycle, subject => 'Another' });
is("$status $again->{id} $again->{subject}", "200 $first->{id} Bicycle", 'it is found again, as it was opened');
($status, my $other) = start({ context => { type => 'product', id => '8' } });
isnt($other->{id}, $first->{id}, 'another product is another conversation');
($status, my $none) = start({});
is("$status " . ($none->{context} // 'none'), '201 none', 'and none is one more');

# Tickets.
($status, my $ticket) = start({ kind => 'ticket', content => 'help' }, key => 't1');
is("$status $ticket->{kind}", '201 ticket', 'a ticket');
($status, $again) = start({ kind => 'ticket', content => 'help' }, key => 't1');
is("$status $again->{id}", "200 $ticket->{id}", 'a repeat finds it');
($status, $other) = start({ kind => 'ticket', content => 'help' }, key => 't2');
is($status, 201, 'another key is another ticket');
($status, my $third) = start({ kind => 'ticket', content => 'help' });
is($status, 201, 'so is none');
my %ids = map { $_->{id} => 1 } $ticket, $other, $third;
is(scalar keys %ids, 3, 'three tickets');
for my $body ({ content => 'other' }, { content => 'help', subject => 'Help' },
    { content => 'help', members => ['bob', 'carol'] }, { context => $bicycle }) {
    my ($refused, undef, $json) = start({ kind => 'ticket', %$body }, key => 't1');
    is("$refused $json->{code}", '422 key_reused', 'the key stands for another: ' . join ' ', sort keys %$body);
}
is($t->get("/conversations/$ticket->{id}/messages", as => 'bob')->{json}{messages}[0]{content}, 'help',
    'its first message');
my @listed = map { $_->{id} } @{ $t->get('/conversations', as => 'bob')->{json}{conversations} };
is(scalar @listed, 4, 'those with a message are listed');

# Messages.
my $path = "/conversations/$first->{id}/messages";
my $offer = '{"data":{"price":1.50,"of":[{"z":"<&>","a":null}],"big":12345678901234567890},"type":"offer",'
    . '"content":"1.50?","context":{"id":"9","type":"appointment"}}';
my $r = $t->post($path, $offer, as => 'alice', key => 'o');
is($r->{status}, 201, 'a message with all there is');
my $canonical = '"context":{"type":"appointment","id":"9"},"type":"offer",'
    . '"data":{"big":12345678901234567890,"of":[{"a":null,"z":"\u003c\u0026\u003e"}],"price":1.50}';
my %shown = (
    'its answer'   => $r->{content},
    'the history'  => $t->get($path, as => 'bob')->{content},
    'the stream'   => do { my $event; do { $event = $bob->event('message') } until $event->{json}{seq} == 2; $event->{data} },
);
like($shown{$_}, qr/\Q$canonical\E/, "$_ shows it as it was, sorted") for sort keys %shown;
(my $reordered = $offer) =~ s/"price":1\.50,(.*?)\}\],/$1}], "price": 1.50,/;
is($t->post($path, $reordered, as => 'alice', key => 'o')->{status}, 200, 'the same in another order is a repeat');
$offer =~ s/1\.50,/1.51,/;
is($t->post($path, $offer, as => 'alice', key => 'o')->{status}, 422, 'other data is not');
$r = $t->post($path, { content => 'plain', type => 'text' }, as => 'alice', key => 'p');
is_deeply([@{ $r->{json} }{qw(context type data)}], [undef, 'text', undef], 'a plain message');
is($t->post($path, { content => 'plain' }, as => 'alice', key => 'p')->{status}, 200, 'text is what it is anyway');

$t->finish;
