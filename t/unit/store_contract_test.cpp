// The stores' contract (worker/store.hpp), case by case, over each store that there is
// here: what is unique, what never goes down, what a reader sees, what a writer may
// believe.
#include <algorithm>
#include <cstdio>
#include <thread>

#include "t/unit/store_data.hpp"

namespace messaging::unit {
namespace {

// Ids that would be something else to a query language, a path or a format.
const std::vector<std::string> kStrangeIds = {
    "$lastSeq",       "a.b.c",
    "$$ROOT",         "it's; DROP TABLE messages--",
    "\"quoted\"\\",   "\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80",
    "%s%n",           "0",
    "{\"$gt\":\"\"}", "a\xCC\x81"};

// --- Messages

START_TEST(uniqueKeys) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    EXPECT_TEXT(letters(inserted(*store, {messageOf("c", 1, "ann", 1, "k1")})), "I");
    EXPECT_TEXT(letters(inserted(*store, {messageOf("c", 1, "bob", 1, "k2")})), "D");
    EXPECT_TEXT(letters(inserted(*store, {messageOf("c", 2, "ann", 2, "k1")})), "D");
    EXPECT_TEXT(letters(inserted(*store, {messageOf("c", 2, "bob", 1, "k1")})), "I");
    EXPECT_TEXT(letters(inserted(*store, {messageOf("d", 1, "ann", 1, "k1")})), "I");
    Message elsewhere = messageOf("c", 1, "ann", 1, "k1");
    elsewhere.site = "other";
    EXPECT_TEXT(letters(inserted(*store, {elsewhere})), "I");
    EXPECT_TEXT(history(*store, "c"), "1 2");
    const auto first = taken(store->messageByKey({kSite, "c"}, "ann", "k1"));
    ck_assert(first.has_value());
    EXPECT_TEXT(first->content, "text of k1");
}

// A duplicate stops its own conversation and no other: a hole must never come to be.
START_TEST(restIsSkipped) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    inserted(*store,
             {messageOf("a", 2, "eve", 1, "e"), messageOf("b", 1, "ann", 1, "k")});
    const auto results = inserted(
        *store,
        {messageOf("a", 1, "ann", 1, "a1"), messageOf("b", 2, "bob", 1, "b2"),
         messageOf("a", 2, "ann", 2, "a2"), messageOf("a", 3, "ann", 3, "a3"),
         messageOf("c", 1, "ann", 1, "c1"), messageOf("b", 3, "ann", 2, "k"),
         messageOf("b", 4, "bob", 2, "b4"), messageOf("c", 2, "ann", 2, "c2"),
         messageOf("a", 4, "ann", 4, "a4"), messageOf("c", 2, "ann", 2, "c2x")});
    EXPECT_TEXT(letters(results), "IIDSIDSISD");
    EXPECT_TEXT(history(*store, "a"), "1 2");
    EXPECT_TEXT(history(*store, "b"), "1 2");
    EXPECT_TEXT(history(*store, "c"), "1 2");
    ck_assert(inserted(*store, {}).empty());
}

START_TEST(historyPages) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    std::vector<Message> messages;
    for (uint64_t seq = 1; seq <= 9; ++seq) {
        messages.push_back(messageOf("c", seq, "ann", seq, std::to_string(seq)));
    }
    inserted(*store, messages);
    inserted(*store, {messageOf("d", 1, "ann", 1, "1")});
    const auto page = [&](std::optional<uint64_t> before,
                          std::optional<uint64_t> after) {
        return seqs(taken(store->history({kSite, "c"}, {before, after, 3})));
    };
    EXPECT_TEXT(page({}, {}), "7 8 9");
    EXPECT_TEXT(page(7, {}), "4 5 6");
    EXPECT_TEXT(page(2, {}), "1");
    EXPECT_TEXT(page(1, {}), "");
    EXPECT_TEXT(page(UINT64_MAX, {}), "7 8 9");
    EXPECT_TEXT(page({}, 0), "1 2 3");
    EXPECT_TEXT(page({}, 7), "8 9");
    EXPECT_TEXT(page({}, UINT64_MAX), "");
    const auto found = taken(store->history({kSite, "c"}, {5, {}, 1}));
    const Message& wanted = messages[3];
    ck_assert_uint_eq(found.size(), 1);
    EXPECT_TEXT(found[0].sender + found[0].senderRole + found[0].member + found[0].key,
                wanted.sender + wanted.senderRole + wanted.member + wanted.key);
    EXPECT_TEXT(found[0].fingerprint + found[0].content,
                wanted.fingerprint + wanted.content);
    ck_assert_uint_eq(found[0].ordinal, wanted.ordinal);
    ck_assert_uint_eq(found[0].createdAt, wanted.createdAt);
    ck_assert(!taken(store->messageByKey({kSite, "c"}, "ann", "10")).has_value());
    ck_assert(!taken(store->messageByKey({kSite, "c"}, "bob", "1")).has_value());
}

// What a message carries besides its text, and what one without it reads as.
START_TEST(messageExtras) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    Message offer = messageOf("c", 1, "ann", 1, "1");
    offer.context = {"product", "$7 \"a\""};
    offer.type = "offer";
    offer.data = "{\"price\":{\"$gt\":\"\"},\"text\":\"\u00e9\"}";
    inserted(*store, {offer, messageOf("c", 2, "ann", 2, "2")});
    const auto found = taken(store->history({kSite, "c"}, {}));
    ck_assert_uint_eq(found.size(), 2);
    ck_assert(found[0].context == offer.context);
    EXPECT_TEXT(found[0].type + found[0].data, offer.type + offer.data);
    ck_assert(found[1].context == Context());
    EXPECT_TEXT(found[1].type + found[1].data, "");
    const auto again = taken(store->messageByKey({kSite, "c"}, "ann", "1"));
    EXPECT_TEXT(again->context.id + again->data, offer.context.id + offer.data);
}

START_TEST(ordinals) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    Message team = messageOf("c", 4, "adam", 1, "4");
    team.member = "team:admin";
    inserted(
        *store,
        {messageOf("c", 1, "ann", 1, "1"), messageOf("c", 2, "ann", 2, "2"),
         messageOf("c", 3, "bob", 1, "3"), team, messageOf("c", 5, "ann", 3, "5")});
    const auto at = [&](const std::string& member, uint64_t seq) {
        return taken(store->ordinalAt({kSite, "c"}, member, seq));
    };
    ck_assert_uint_eq(at("ann", 0), 0);
    ck_assert_uint_eq(at("ann", 1), 1);
    ck_assert_uint_eq(at("ann", 4), 2);
    ck_assert_uint_eq(at("ann", UINT64_MAX), 3);
    ck_assert_uint_eq(at("bob", 2), 0);
    ck_assert_uint_eq(at("bob", 5), 1);
    ck_assert_uint_eq(at("team:admin", 5), 1);
    ck_assert_uint_eq(at("adam", 5), 0);
}

// --- Conversations and state

START_TEST(firstConversationStays) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    Conversation first = conversationOf("c", {"ann", "bob"});
    first.kind = "ticket";
    first.subject = "Order 7";
    first.context = {"product", "p.7"};
    opened(*store, {first});
    Conversation second = conversationOf("c", {"ann", "eve", "mallory"});
    opened(*store, {second, conversationOf("d", {"ann", "bob"})});
    const auto found = taken(store->conversation({kSite, "c"}));
    ck_assert(found.has_value());
    EXPECT_TEXT(found->kind + found->subject + found->context.type + found->context.id,
                "ticketOrder 7productp.7");
    EXPECT_TEXT(found->starter, "ann");
    ck_assert(found->members == first.members);
    ck_assert_uint_eq(found->createdAt, first.createdAt);
    ck_assert(!taken(store->conversation({kSite, "absent"})).has_value());
    ck_assert(!taken(store->conversation({"other", "c"})).has_value());
    const auto both = taken(store->conversations(
        {{kSite, "d"}, {kSite, "absent"}, {kSite, "c"}, {"other", "c"}}));
    ck_assert_uint_eq(both.size(), 2);
    ck_assert(taken(store->conversations({})).empty());
}

START_TEST(everyConversationOnce) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    std::vector<Conversation> all;
    for (int i = 0; i < 1203; ++i) {
        all.push_back(conversationOf("c" + std::to_string(i), {"ann", "bob"}));
        all.back().site = i % 3 == 0 ? "one" : "two";
    }
    opened(*store, all);
    std::map<ConversationRef, int> visits;
    EXPECT_OK(store->eachConversation([&](const ConversationRef& ref) {
        // The callback may use the store.
        return ++visits[ref] > 0 && (visits.size() > 2 || store->ping().ok());
    }));
    ck_assert_uint_eq(visits.size(), all.size());
    for (const auto& [ref, times] : visits) {
        ck_assert_int_eq(times, 1);
    }
    int seen = 0;
    EXPECT_OK(
        store->eachConversation([&](const ConversationRef&) { return ++seen < 700; }));
    ck_assert_int_eq(seen, 700);
}

START_TEST(loadSeesForeignWrites) {
    const auto place = makePlace(_i);
    const auto mine = place->store();
    const auto other = place->store();
    opened(*mine,
           {conversationOf("c", {"ann", "bob"}), conversationOf("d", {"ann", "eve"})});
    const ConversationRef c{kSite, "c"};
    const ConversationRef d{kSite, "d"};
    auto states = taken(mine->load({c, d, {kSite, "absent"}}));
    ck_assert_uint_eq(states.size(), 2);
    ck_assert_uint_eq(states[c].lastSeq, 0);
    ck_assert_uint_eq(states[c].preview.seq, 0);
    ck_assert(states[c].memberships.empty());

    Message last = messageOf("c", 3, "ann", 2, "3");
    last.content = repeat("\xC3\xA4", 300);
    inserted(*other, {messageOf("c", 1, "ann", 1, "1"),
                      messageOf("c", 2, "bob", 1, "2"), last});
    raised(*other, {membershipOf("c", "bob", 3, 1, 2, 1)});
    states = taken(mine->load({d, c}));
    const auto& state = states[c];
    ck_assert_uint_eq(state.lastSeq, 3);
    ck_assert_uint_eq(state.lastAt, last.createdAt);
    ck_assert_uint_eq(state.preview.seq, 3);
    EXPECT_TEXT(state.preview.sender, "ann");
    EXPECT_TEXT(state.preview.content, repeat("\xC3\xA4", 159) + "\xE2\x80\xA6");
    ck_assert_uint_eq(state.ordinals.at("ann"), 2);
    ck_assert_uint_eq(state.ordinals.at("bob"), 1);
    ck_assert_uint_eq(state.memberships.size(), 1);
    EXPECT_TEXT(textOf(state.memberships.at("bob")),
                textOf(membershipOf("c", "bob", 3, 1, 2, 1)));
    ck_assert(state.conversation.members == std::vector<std::string>({"ann", "bob"}));
    ck_assert_uint_eq(states[d].lastSeq, 0);
    ck_assert(taken(mine->load({})).empty());
}

START_TEST(loadOfMany) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    std::vector<Conversation> conversations;
    std::vector<Message> messages;
    std::vector<ConversationRef> refs;
    for (uint64_t i = 0; i < 70; ++i) {
        const std::string id = "c" + std::to_string(i);
        conversations.push_back(conversationOf(id, {"ann", "bob", "eve"}));
        conversations.back().site = i % 2 == 0 ? kSite : "other";
        for (uint64_t seq = 1; seq <= i % 5; ++seq) {
            messages.push_back(messageOf(id, seq, seq % 2 == 1 ? "ann" : "bob",
                                         (seq + 1) / 2, std::to_string(seq)));
            messages.back().site = conversations.back().site;
        }
        refs.push_back({conversations.back().site, id});
    }
    opened(*store, conversations);
    inserted(*store, messages);
    const auto states = taken(store->load(refs));
    ck_assert_uint_eq(states.size(), 70);
    for (uint64_t i = 0; i < 70; ++i) {
        const auto& state = states.at(refs[i]);
        const uint64_t last = i % 5;
        ck_assert_uint_eq(state.lastSeq, last);
        ck_assert_uint_eq(state.ordinals.at("ann"), (last + 1) / 2);
        ck_assert_uint_eq(state.ordinals.at("bob"), last / 2);
        ck_assert_uint_eq(state.ordinals.at("eve"), 0);
    }
}

// Two owners of one conversation, each sure of its numbers: unique keys alone make it
// right.
START_TEST(racingWriters) {
    constexpr uint64_t kEach = 40;
    const auto place = makePlace(_i);
    const ConversationRef ref{kSite, "c"};
    opened(*place->store(), {conversationOf("c", {"ann", "bob"})});
    const auto write = [&](const std::string& sender) {
        const auto store = place->store();
        for (uint64_t sent = 0; sent < kEach;) {
            const auto state = taken(store->load({ref})).at(ref);
            const uint64_t ordinal = state.ordinals.at(sender);
            const auto key = [&](uint64_t n) { return sender + std::to_string(n); };
            std::string results;
            batch(*store, {"c"}, [&] {
                results = letters(taken(store->insertMessages(
                    {messageOf("c", state.lastSeq + 1, sender, ordinal + 1, key(sent)),
                     messageOf("c", state.lastSeq + 2, sender, ordinal + 2,
                               key(sent + 1))})));
            });
            sent +=
                static_cast<uint64_t>(std::count(results.begin(), results.end(), 'I'));
        }
    };
    std::thread other(write, "bob");
    write("ann");
    other.join();
    const auto messages =
        taken(place->store()->history(ref, {{}, {}, limits::kMaxPage}));
    std::map<std::string, uint64_t> counted;
    uint64_t seq = 0;
    for (const auto& message : messages) {
        ck_assert_uint_eq(message.seq, ++seq);
        ck_assert_uint_eq(message.ordinal, ++counted[message.sender]);
    }
    ck_assert_uint_ge(counted["ann"], kEach);
    ck_assert_uint_ge(counted["bob"], kEach);
}

START_TEST(strangeIds) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    std::vector<User> users;
    for (const auto& id : kStrangeIds) {
        std::vector<std::string> members = {id, "zoe"};
        std::sort(members.begin(), members.end());
        Message message = messageOf(id, 1, id, 1, id);
        message.content = id;
        message.senderRole = id;
        Membership membership = membershipOf(id, id, 1, 1, 1, 1);
        membership.preview.sender = id;
        membership.preview.content = id;
        users.push_back({kSite, id, id, id});
        batch(*store, {id}, [&] {
            EXPECT_OK(
                store->insertConversations({conversationOf(id, members)}).status());
            EXPECT_TEXT(letters(taken(store->insertMessages({message}))), "I");
            EXPECT_OK(store->raise({membership, membershipOf(id, "zoe", 1, 0, 0, 0)}));
        });
        const auto state = taken(store->load({{kSite, id}})).at({kSite, id});
        EXPECT_TEXT(state.preview.content, id);
        ck_assert_uint_eq(state.ordinals.at(id), 1);
        EXPECT_TEXT(textOf(state.memberships.at(id)), textOf(membership));
        ck_assert(state.conversation.members == members);
        const auto list = taken(store->list(kSite, id, {}));
        ck_assert_uint_eq(list.size(), 1);
        EXPECT_TEXT(textOf(list[0]), textOf(membership));
        EXPECT_TEXT(taken(store->messageByKey({kSite, id}, id, id))->content, id);
    }
    batch(*store, {}, [&] { EXPECT_OK(store->putUsers(users)); });
    ck_assert_uint_eq(taken(store->users(kSite, kStrangeIds)).size(),
                      kStrangeIds.size());
    ck_assert_uint_eq(taken(store->unread(kSite, "zoe")).count, kStrangeIds.size());
    ck_assert_uint_eq(taken(store->list(kSite, "zoe", {})).size(), kStrangeIds.size());
}

// --- Batches

START_TEST(nobodySeesAnAbandonedBatch) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    const auto other = place->store();
    EXPECT_OK(store->begin({"writer", {{kSite, "c"}}}));
    EXPECT_OK(store->abandon());  // nothing was written: proven anywhere
    EXPECT_OK(store->begin({"writer", {{kSite, "c"}}}));
    EXPECT_OK(
        store->insertConversations({conversationOf("c", {"ann", "bob"})}).status());
    ck_assert_uint_eq(
        taken(store->insertMessages({messageOf("c", 1, "ann", 1, "k")})).size(), 1);
    const Status abandoned = store->abandon();
    ck_assert_int_eq(abandoned.ok(), place->transactional());
    ck_assert(abandoned.ok() || abandoned.code() == Code::Internal);
    EXPECT_TEXT(history(*other, "c"), place->transactional() ? "" : "1");
    // And the store goes on.
    EXPECT_TEXT(letters(inserted(*store, {messageOf("d", 1, "ann", 1, "k")})), "I");
    EXPECT_TEXT(history(*other, "d"), "1");
}

// What a batch leaves behind halfway, whether its worker died or went on, is either
// nothing or named by a note.
START_TEST(halfBatchesAreNoted) {
    const auto place = makePlace(_i);
    const auto other = place->store();
    const auto noted = [&](const std::string& id) {
        for (const auto& note : taken(other->notes("other"))) {
            for (const auto& ref : note.conversations) {
                if (ref == ConversationRef{kSite, id}) {
                    return true;
                }
            }
        }
        return false;
    };
    {
        const auto store = place->store();
        for (const char* id : {"failed", "died"}) {
            EXPECT_OK(store->begin({"writer", {{kSite, id}}}));
            taken(store->insertMessages({messageOf(id, 1, "ann", 1, "k")}));
            if (std::string(id) == "failed") {
                (void)store->abandon();
            }
        }
    }
    for (const char* id : {"failed", "died"}) {
        const std::string stored = history(*other, id);
        ck_assert_msg(stored.empty() || noted(id), "%s: stored and not noted", id);
        ck_assert(stored.empty() == place->transactional());
    }
    for (const auto& note : taken(other->notes("other"))) {
        EXPECT_OK(other->dropNote(note.owner));
    }
    ck_assert(taken(other->notes("other")).empty());
    EXPECT_OK(other->dropNote("nobody"));
}

START_TEST(ownNotesAreNotForeign) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    batch(*store, {"c"}, [] {});
    ck_assert(taken(store->notes("writer")).empty());
    const auto foreign = taken(store->notes("other"));
    ck_assert_uint_eq(foreign.size(), 1);
    // Whoever drops a note that its owner has written anew meanwhile drops nothing.
    const auto other = place->store();
    taken(other->notes("other"));
    batch(*store, {"d"}, [] {});
    EXPECT_OK(other->dropNote("writer"));
    const auto still = taken(other->notes("other"));
    ck_assert_uint_eq(still.size(), foreign.size());
    for (const auto& note : still) {
        EXPECT_TEXT(note.owner, "writer");
        EXPECT_TEXT(note.conversations.at(0).id, "d");
    }
}

// Until its owner's next one, or until somebody drops it.
START_TEST(notesStay) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    const auto other = place->store();
    const auto noted = [&] {
        std::string ids;
        for (const auto& note : taken(other->notes("other"))) {
            for (const auto& ref : note.conversations) {
                ids += ref.id;
            }
        }
        return ids;
    };
    inserted(*store, {messageOf("c", 1, "ann", 1, "k")});
    EXPECT_TEXT(noted(), "c");
    // Neither a batch without a note nor `check --repair` says anything about it.
    raised(*store, {membershipOf("c", "bob", 1, 0, 0, 0)});
    ck_assert(taken(store->exchange({}, membershipOf("c", "cat", 1, 0, 0, 0))));
    EXPECT_TEXT(noted(), "c");
    batch(*store, {"d", "e"}, [] {});
    EXPECT_TEXT(noted(), "de");
    // What was undone needs none, and the one before it still may.
    EXPECT_OK(store->begin({"writer", {{kSite, "f"}}}));
    taken(store->insertMessages({messageOf("f", 1, "ann", 1, "k")}));
    (void)store->abandon();
    EXPECT_TEXT(noted(), place->transactional() ? "de" : "f");
    EXPECT_OK(store->dropNote("writer"));
    EXPECT_TEXT(noted(), "");
    EXPECT_OK(store->dropNote("writer"));
}

// --- Opening

START_TEST(reopenKeepsAll) {
    const auto place = makePlace(_i);
    {
        const auto store = place->store();
        opened(*store, {conversationOf("c", {"ann", "bob"})});
        inserted(*store, {messageOf("c", 1, "ann", 1, "k")});
        raised(*store, {membershipOf("c", "bob", 1, 0, 0, 0)});
    }
    const auto store = place->store();
    EXPECT_TEXT(history(*store, "c"), "1");
    ck_assert_uint_eq(taken(store->unread(kSite, "bob")).count, 1);
    EXPECT_OK(store->open());  // again, on one that is open
    EXPECT_OK(store->ping());
    EXPECT_TEXT(history(*store, "c"), "1");
}

START_TEST(newerSchemaIsRefused) {
    const auto place = makePlace(_i);
    inserted(*place->store(), {messageOf("c", 1, "ann", 1, "k")});
    place->setVersion(77);
    const auto store = taken(worker::makeStore(place->uri()));
    const Status refused = store->open();
    EXPECT_FAILURE(refused, Code::UnsupportedVersion, "");
    EXPECT_TEXT(refused.detail(), "store has schema version 77, this worker knows " +
                                      std::to_string(place->version()));
    place->setVersion(place->version());
    EXPECT_TEXT(history(*place->store(), "c"), "1");
}

// Of a database that an earlier worker left, whose messages have none of the newer
// fields. What SQLite has to do for that, store_sqlite_test.cpp looks at.
START_TEST(olderSchemaIsUpgraded) {
    const auto place = makePlace(_i);
    if (place->transactional()) {
        return;
    }
    inserted(*place->store(), {messageOf("c", 1, "ann", 1, "k")});
    std::string seqs = "1";
    for (unsigned version = 1; version < place->version(); ++version) {
        place->setVersion(version);
        const auto store = place->store();
        EXPECT_TEXT(history(*store, "c"), seqs);
        const uint64_t seq = version + 1;
        inserted(*store, {messageOf("c", seq, "ann", seq, "k" + std::to_string(seq))});
        seqs += " " + std::to_string(seq);
        ck_assert_uint_eq(place->storedVersion(), place->version());
    }
}

START_TEST(openedByManyAtOnce) {
    const auto place = makePlace(_i);
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] { place->store(); });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_OK(place->store()->ping());
}

START_TEST(usersByTheNewestWord) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    batch(*store, {}, [&] {
        EXPECT_OK(store->putUsers({{kSite, "ann", "buyer", "Ann"},
                                   {kSite, "bob", "", ""},
                                   {"other", "ann", "x", "X"}}));
    });
    batch(*store, {}, [&] {
        EXPECT_OK(store->putUsers(
            {{kSite, "ann", "buyer", "Anne"}, {kSite, "ann", "admin", "Anna"}}));
    });
    auto found = taken(store->users(kSite, {"bob", "ann", "absent"}));
    ck_assert_uint_eq(found.size(), 2);
    std::sort(found.begin(), found.end(),
              [](const User& one, const User& other) { return one.id < other.id; });
    EXPECT_TEXT(found[0].site + found[0].id + found[0].role + found[0].name,
                "shopannadminAnna");
    EXPECT_TEXT(found[1].id + found[1].role + found[1].name, "bob");
    ck_assert(taken(store->users(kSite, {})).empty());
}

START_TEST(formsOfUris) {
    for (const char* uri :
         {"", "sqlite", "sqlite:", "sqlite::memory:", "sqlite:/tmp/", "/tmp/store.db",
          "redis://localhost", "mongodb://", "mongodb://host:port"}) {
        const auto store = worker::makeStore(uri);
        EXPECT_FOR(!store.ok(), uri);
        EXPECT_FAILURE(store.status(), Code::InvalidField, "store");
    }
    // Nothing is asked of a server before open().
    const auto closed = taken(worker::makeStore("mongodb://127.0.0.1:1/db"));
    EXPECT_FAILURE(closed->open(), Code::StoreUnavailable, "");
    EXPECT_FAILURE(closed->begin({"writer", {{kSite, "c"}}}), Code::StoreUnavailable,
                   "");
    EXPECT_FAILURE(closed->history({kSite, "c"}, {}).status(), Code::StoreUnavailable,
                   "");
    const auto unopened = taken(worker::makeStore("sqlite:absent/store.db"));
    EXPECT_FAILURE(unopened->begin({"writer", {}}), Code::StoreUnavailable, "");
    EXPECT_FAILURE(unopened->load({}).status(), Code::StoreUnavailable, "");
}

}  // namespace

Suite* store_contractSuite() {
    if (mongoServer() == nullptr) {
        std::puts(
            "# SKIPPED: the contract of the store in MongoDB: MESSAGING_TEST_MONGODB"
            " names no server");
    }
    return suiteOverPlaces("store_contract", {uniqueKeys,
                                              restIsSkipped,
                                              historyPages,
                                              messageExtras,
                                              ordinals,
                                              firstConversationStays,
                                              everyConversationOnce,
                                              loadSeesForeignWrites,
                                              loadOfMany,
                                              racingWriters,
                                              strangeIds,
                                              nobodySeesAnAbandonedBatch,
                                              halfBatchesAreNoted,
                                              ownNotesAreNotForeign,
                                              notesStay,
                                              reopenKeepsAll,
                                              newerSchemaIsRefused,
                                              olderSchemaIsUpgraded,
                                              openedByManyAtOnce,
                                              usersByTheNewestWord,
                                              formsOfUris});
}

}  // namespace messaging::unit
