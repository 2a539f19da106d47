package Test::Messaging::Venues;

# What the sites of the wedding venues share: clients write to partners from their storefronts.
# Each has a profile and a test of its own; the same pages must work on both.

use strict;
use warnings;

use Exporter 'import';
use Test::More;

use Test::Messaging::Profile;

our @EXPORT = qw(venues);

my $t;

sub ask_headers { return { Authorization => 'Bearer ' . $t->token($_[0], role => 'client') } }

# Drives every route and rule of the profile of this name; what runs then is given back.
sub venues {
    my ($name) = @_;
    $t = site($name);
    person('claire', 'client', 'Claire');
    person('chateau', 'partner', 'Château de Vaux-le-Vicomte');
    person('moulin', 'partner', 'Moulin');
    person('eve', 'client', 'Eve');
    person('admin', 'admin');

    # Sign-in.
    for my $language ('fr', 'en', 'de') {
        my $r = ask(undef, 'GET', '/api/messages', undef, headers => { 'Accept-Language' => $language });
        is($r->{status}, 401, 'not signed in');
        is($r->{content}, '{"error":"Non autorisé"}', "exactly so, whatever the language ($language)");
    }
    for my $call (['POST', '/api/messages', { content => 'x' }], ['GET', '/api/messages/x'],
        ['GET', '/api/partner-dashboard/messages'], ['GET', '/api/messages/unread-count']) {
        is(ask(undef, @$call)->{content}, '{"error":"Non autorisé"}', "$call->[0] $call->[1] too");
    }
    say(403, 'a role that the site does not have', 'admin', 'GET', '/api/messages');
    is(ask('claire', 'GET', '/')->{content}, "the site's own page", 'beside the site');
    is(ask('claire', 'GET', '/x.php')->{content}, 'a page by expression', 'and its expressions');

    # A visitor writes in the chat of a storefront.
    is_deeply(say(200, 'nothing there yet', 'claire', 'GET', '/api/messages?storefrontId=vaux')->{messages},
        [], 'an empty thread');
    is_deeply(say(200, 'no conversation yet', 'claire', 'GET', '/api/messages'), [], 'an empty list');
    my $first = say(201, 'the first message', 'claire', 'POST', '/api/messages',
        { partnerId => 'chateau', storefrontId => 'vaux', content => 'Bonjour, êtes-vous libres en juin ?' });
    is($first->{senderId}, 'claire', 'whose it is');
    is($first->{content}, 'Bonjour, êtes-vous libres en juin ?', 'what it says');
    ok($first->{$_}, "it has $_") for qw(id conversationId createdAt);
    my $id = $first->{conversationId};

    my $list = say(200, 'the client', 'claire', 'GET', '/api/messages');
    is(scalar @$list, 1, 'has one conversation');
    is_deeply([@{ $list->[0] }{qw(id clientId partnerId storefrontId)}], [$id, 'claire', 'chateau', 'vaux'],
        'of whom, and about what');
    is(scalar @{ $list->[0]{messages} }, 1, 'with the last message');
    like($list->[0]{messages}[0]{content}, qr/^Bonjour Claire, merci/, 'the confirmation');
    is($list->[0]{unreadCount}, 1, 'unread');
    my $partner = say(200, "the partner's list", 'chateau', 'GET', '/api/partner-dashboard/messages');
    is($partner->[0]{id}, $id, 'has it too');
    is($partner->[0]{unreadCount}, 1, 'with one message to read');
    say(403, 'not for clients', 'claire', 'GET', '/api/partner-dashboard/messages');

    # Opening marks it read.
    my $thread = say(200, 'opened by its storefront', 'claire', 'GET', '/api/messages?storefrontId=vaux');
    is($thread->{id}, $id, 'the conversation');
    is(scalar @{ $thread->{messages} }, 2, 'all messages');
    is_deeply([map { $_->{senderId} } @{ $thread->{messages} }], ['claire', 'chateau'], 'in their order');
    is(say(200, 'the badge', 'claire', 'GET', '/api/messages/unread-count')->{count}, 0, 'nothing unread');
    my $messages = say(200, 'opened by its id', 'chateau', 'GET', "/api/messages/$id");
    is(scalar @$messages, 2, 'an array of all messages');
    is(say(200, 'the badge', 'chateau', 'GET', '/api/messages/unread-count')->{count}, 0, 'read');
    ok($_->{conversationId} eq $id, 'each says where it belongs') for @$messages;

    # Live.
    say(201, 'the partner answers', 'chateau', 'POST', '/api/messages', { conversationId => $id, content => 'Oui.' });
    my $stream = $t->stream('claire', headers => ask_headers('claire'));
    say(201, 'and once more, by who it is', 'chateau', 'POST', '/api/messages',
        { clientId => 'claire', storefrontId => 'vaux', content => 'Le 12 ?' });
    my $event = $stream->event('message');
    is($event->{json}{content}, 'Le 12 ?', 'seen at once');
    is($event->{json}{conversationId}, $id, 'in the same conversation');
    say(200, 'a prefetch', 'claire', 'GET', "/api/messages/$id", undef, headers => { 'Sec-Purpose' => 'prefetch' });
    is(say(200, 'the badge', 'claire', 'GET', '/api/messages/unread-count')->{count}, 2, 'marks nothing read');

    # One conversation for a client, a partner and a storefront.
    my $again = say(201, 'from the storefront again', 'claire', 'POST', '/api/messages',
        { partnerId => 'chateau', storefrontId => 'vaux', content => 'Parfait.' });
    is($again->{conversationId}, $id, 'the same conversation');
    is((grep { $_->{content} =~ /merci pour votre message/ } @{ say(200, 'the thread', 'claire', 'GET', "/api/messages/$id") }),
        1, 'one confirmation');
    my $other = say(201, 'from another storefront', 'claire', 'POST', '/api/messages',
        { partnerId => 'chateau', storefrontId => 'jardin', content => 'Et le jardin ?' });
    isnt($other->{conversationId}, $id, 'another conversation');
    say(201, 'to another partner', 'claire', 'POST', '/api/messages',
        { partnerId => 'moulin', storefrontId => 'moulin', content => 'Libre ?' });
    is(scalar @{ say(200, 'the list', 'claire', 'GET', '/api/messages') }, 3, 'three conversations');
    is(scalar @{ say(200, 'searched', 'claire', 'GET', '/api/messages?q=chateau') }, 2, 'by a name, without its accent');

    # What cannot be, and names the field.
    my @wrong = (
        [400, 'partnerId', { storefrontId => 'vaux', content => 'x' }],
        [400, 'partnerId', { partnerId => ['chateau'], content => 'x' }],
        [400, 'partnerId', { partnerId => 'claire', content => 'to oneself' }],
        [400, 'content', { partnerId => 'chateau' }],
        [400, 'content', { partnerId => 'chateau', content => '  ' }],
        [400, 'content', { conversationId => $id, content => 7 }],
        [404, undef, { conversationId => 'absent', content => 'x' }],
    );
    for my $case (@wrong) {
        my ($status, $field, $body) = @$case;
        my $r = ask('claire', 'POST', '/api/messages', $body);
        is($r->{status}, $status, "refused: $r->{content}");
        like($r->{json}{error}, qr/\Q$field\E/, 'names the field') if $field;
        is(join(' ', sort keys %{ $r->{json} }), 'error', "in the site's shape");
    }
    say(404, 'not hers', 'eve', 'GET', "/api/messages/$id");
    say(404, 'nor to write in', 'eve', 'POST', '/api/messages', { conversationId => $id, content => 'x' });
    is_deeply(say(200, 'and nothing of the storefront', 'eve', 'GET', '/api/messages?storefrontId=vaux')->{messages}, [],
        'of others');
    say(405, 'an unknown method', 'claire', 'DELETE', '/api/messages');
    say(413, 'too long', 'claire', 'POST', '/api/messages', '{"content":"' . 'x' x 70000 . '"}');

    # Canonical paths stand beside them, with the same documents.
    my $c = say(200, 'canonically', 'claire', 'GET', "/api/messages/conversations/$id");
    is($c->{storefrontId}, 'vaux', 'as the site shows it');
    say(200, 'marked read', 'claire', 'PATCH', "/api/messages/conversations/$id/read", {});
    is(say(200, 'status', undef, 'GET', '/api/messages/status')->{status}, 'ok', 'as ever');
    return $t;
}

1;
