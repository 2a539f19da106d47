// The rules of writing, continued: marking read, batches of many, what is kept in
// memory.
#include "t/unit/handler_fixture.hpp"

namespace messaging::unit {
namespace {

const std::vector<std::string> kPair = {"ann", "bob"};
const std::vector<std::string> kThree = {"ann", "bob", "cat"};

// --- Reading

START_TEST(read) {
    Bench bench;
    const std::string id = idOf(kThree);
    bench.run({startOf("ann", kThree, "1"), sendOf("bob", id, "2"),
               sendOf("ann", id, "3"), sendOf("bob", id, "4"), sendOf("cat", id, "5")});
    Reply reply = bench.ask(readOf("ann", id, 3));
    ck_assert_int_eq(reply.status, 200);
    EXPECT_TEXT(reply.body,
                "{\"conversationId\":\"" + id + "\",\"readSeq\":3,\"unreadCount\":2}");
    EXPECT_TEXT(bench.row(id, "ann"), "5 2 3 2 5");
    EXPECT_TEXT(eventsFor(bench.effects, "ann"), "read unread");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "read");
    EXPECT_TEXT(eventsFor(bench.effects, "cat"), "read");
    EXPECT_TEXT(at(eventFor(bench.effects, "cat", "read"), "userId"), "ann");
    EXPECT_TEXT(at(eventFor(bench.effects, "cat", "read"), "readSeq"), "3");
    EXPECT_TEXT(at(eventFor(bench.effects, "ann", "unread"), "unreadCount"), "2");

    // Never back, and what changes nothing neither writes nor tells.
    bench.store.calls.clear();
    reply = bench.ask(readOf("ann", id, 2));
    EXPECT_TEXT(at(reply.body, "readSeq"), "3");
    ck_assert_uint_eq(bench.store.calls.size(), 0);
    ck_assert_uint_eq(bench.effects.publications.size(), 0);

    // Clamped.
    reply = bench.ask(readOf("ann", id, 1000));
    EXPECT_TEXT(at(reply.body, "readSeq"), "5");
    EXPECT_TEXT(at(reply.body, "unreadCount"), "0");
    EXPECT_TEXT(bench.row(id, "ann"), "5 2 5 2 5");
    reply = bench.ask(readOf("bob", id));
    EXPECT_TEXT(bench.row(id, "bob"), "5 2 5 2 5");
    ck_assert(bench.ask(readOf("dan", id)).code == Code::NotFound);
    ck_assert(bench.ask(readOf("ann", "nowhere")).code == Code::NotFound);
}

START_TEST(readBeforeTheFirstMessage) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair));
    bench.store.calls.clear();
    for (const char* user : {"ann", "bob"}) {
        const Reply reply = bench.ask(readOf(user, id, 7));
        EXPECT_TEXT(at(reply.body, "readSeq"), "0");
        EXPECT_TEXT(at(reply.body, "unreadCount"), "0");
        EXPECT_TEXT(at(reply.body, "conversationId"), id);
    }
    EXPECT_TEXT(bench.row(id, "bob"), "none");
    ck_assert_uint_eq(bench.store.count("begin"), 0);
}

// A read covers what stood before it in the stream, and nothing that came after.
START_TEST(readWithinABatch) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.run({startOf("ann", kPair, "1"), readOf("bob", id), sendOf("bob", id, "2"),
               sendOf("ann", id, "3"), readOf("ann", id), readOf("bob", id, 2),
               sendOf("ann", id, "4"), readOf("ann", id, 99), sendOf("bob", id, "5")});
    EXPECT_TEXT(at(bench.reply(1).body, "readSeq"), "1");
    EXPECT_TEXT(at(bench.reply(1).body, "unreadCount"), "0");
    EXPECT_TEXT(at(bench.reply(4).body, "readSeq"), "3");
    EXPECT_TEXT(at(bench.reply(5).body, "readSeq"), "2");
    EXPECT_TEXT(at(bench.reply(5).body, "unreadCount"), "1");
    EXPECT_TEXT(at(bench.reply(7).body, "readSeq"), "4");
    EXPECT_TEXT(bench.row(id, "ann"), "5 3 4 3 5");
    EXPECT_TEXT(bench.row(id, "bob"), "5 2 2 1 5");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"),
                "conversation message read message message read read message read "
                "message unread");
    EXPECT_TEXT(at(eventFor(bench.effects, "bob", "unread"), "unreadCount"), "2");
    EXPECT_TEXT(at(eventFor(bench.effects, "ann", "unread"), "unreadCount"), "1");
}

// --- Batches

START_TEST(manyConversations) {
    Bench bench;
    std::vector<Delivered> batch;
    for (int i = 0; i < 50; ++i) {
        const std::vector<std::string> pair = {"ann", "user" + std::to_string(i)};
        batch.push_back(startOf("ann", pair, "hello"));
        batch.push_back(sendOf("ann", idOf(pair), "you"));
        batch.push_back(sendOf("ann", "nowhere", "you"));
    }
    bench.run(batch);
    ck_assert_uint_eq(bench.effects.replies.size(), 150);
    for (size_t i = 0; i < batch.size(); ++i) {  // in the order of the entries
        EXPECT_TEXT(bench.reply(i).id, batch[i].command.id);
        ck_assert_int_eq(bench.reply(i).status, i % 3 == 2 ? 404 : 201);
    }
    for (const char* once : {"load", "begin", "insertConversations", "insertMessages",
                             "raise", "putUsers", "commit"}) {
        EXPECT_FOR(bench.store.count(once) == 1, once);
    }
    // To be shown, and to see whose role changes.
    ck_assert_uint_eq(bench.store.count("users"), 2);
    // One inbox, one publication, as long as it is not too long.
    ck_assert_uint_eq(bench.effects.publications.size(), 51);
    ck_assert_uint_eq(bench.database.messages.size(), 51 - 1);

    // Known now: nothing is loaded.
    bench.store.calls.clear();
    bench.run({batch[1], batch[4]});
    bench.run({sendOf("ann", idOf({"ann", "user7"}), "3")});
    EXPECT_TEXT(bench.store.calls.back(), "commit");
}

START_TEST(nothingIsLoadedTwice) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair, "one"));
    bench.store.calls.clear();
    bench.ask(sendOf("ann", id, "two"));
    ck_assert(bench.store.calls ==
              std::vector<std::string>({"begin", "insertMessages", "raise", "commit"}));

    // Unless the shard was away.
    bench.writer->forget((shardOf(id) + 1) % limits::kShards);
    bench.ask(sendOf("ann", id, "three"));
    ck_assert_uint_eq(bench.store.count("load"), 0);
    bench.writer->forget(shardOf(id));
    bench.ask(sendOf("ann", id, "four"));
    ck_assert_uint_eq(bench.store.count("load"), 1);
}

// The least recently used goes first.
START_TEST(cacheIsBounded) {
    Bench bench;
    const auto pair = [](int i) {
        return std::vector<std::string>{"ann", "user" + std::to_string(i)};
    };
    const auto loads = [&](int first, int last) {
        bench.store.calls.clear();
        for (int i = first; i < last; ++i) {
            bench.ask(sendOf("ann", idOf(pair(i)), "hello"));
        }
        return bench.store.count("load");
    };
    constexpr int kKept = 16384;
    for (int first = 0; first < kKept; first += 256) {
        std::vector<Delivered> batch;
        for (int i = first; i < first + 256; ++i) {
            batch.push_back(startOf("ann", pair(i), "hello"));
        }
        bench.run(batch);
    }
    ck_assert_uint_eq(loads(0, 1), 0);
    for (int i = kKept; i < kKept + 100; ++i) {
        bench.ask(startOf("ann", pair(i), "hello"));
    }
    ck_assert_uint_eq(loads(0, 1), 0);  // used lately
    ck_assert_uint_eq(loads(256, 512), 0);
    ck_assert_uint_eq(loads(kKept - 256, kKept), 0);
    ck_assert_uint_ge(loads(1, 256), 99);
}

// Big events leave in several publications: a module believes no more than kMaxEvent.
START_TEST(publicationsAreBounded) {
    Bench bench;
    const std::string id = idOf(kPair);
    std::vector<Delivered> batch = {startOf("ann", kPair, "first")};
    for (int i = 0; i < 40; ++i) {
        batch.push_back(sendOf("ann", id, repeat("<", limits::kMaxContent)));
    }
    bench.run(batch);
    size_t messages = 0;
    for (const Publication& publication : bench.effects.publications) {
        ck_assert_uint_lt(encodeEvents(publication.events).size(),
                          limits::kMaxEvent / 2);
        if (publication.member == "bob") {
            for (const Event& event : publication.events) {
                messages += event.type == "message" ? 1 : 0;
            }
        }
    }
    ck_assert_uint_eq(messages, 41);
    ck_assert(bench.effects.publications.back().events.back().type == "unread");
}

// --- Names

START_TEST(names) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.writer->learn({"shop", "bob", "admin", "Bob"});
    ck_assert(bench.database.users.empty());
    bench.ask(startOf("ann", kPair, "one"));
    EXPECT_TEXT(bench.database.users.at({"shop", "bob"}).name, "Bob");
    ck_assert_uint_eq(bench.store.count("putUsers"), 1);

    bench.ask(sendOf("ann", id, "two"));
    ck_assert_uint_eq(bench.store.count("putUsers"), 1);
    bench.writer->learn({"shop", "bob", "admin", "Bob"});
    bench.ask(sendOf("ann", id, "three"));
    ck_assert_uint_eq(bench.store.count("putUsers"), 1);

    Delivered renamed = sendOf("ann", id, "four");
    renamed.command.who.name = "Anna";
    bench.ask(renamed);
    EXPECT_TEXT(bench.database.users.at({"shop", "ann"}).name, "Anna");
    ck_assert_uint_eq(bench.store.count("putUsers"), 2);

    Delivered nameless = sendOf("ann", id, "five");
    nameless.command.who.name.clear();
    nameless.command.who.role.clear();
    bench.ask(nameless);
    EXPECT_TEXT(bench.database.users.at({"shop", "ann"}).name, "Anna");

    const Reply reply = bench.ask(startOf("bob", kPair));
    EXPECT_TEXT(at(reply.body, "conversation.members.0.name"), "Anna");
}

START_TEST(namesSurviveAFailure) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair, "one"));
    bench.writer->learn({"shop", "cat", "user", "Cat"});
    bench.store.failAt(2, MemoryStore::Fault::Definite);
    ck_assert(bench.tryRun({sendOf("ann", id, "two")}).code() ==
              Code::StoreUnavailable);
    ck_assert_uint_eq(bench.database.users.count({"shop", "cat"}), 0);
    bench.ask(sendOf("ann", id, "two"));
    ck_assert_uint_eq(bench.database.users.count({"shop", "cat"}), 1);
}

}  // namespace

Suite* batchSuite() {
    return suiteOf("batch", {read, readBeforeTheFirstMessage, readWithinABatch,
                             manyConversations, nothingIsLoadedTwice, cacheIsBounded,
                             publicationsAreBounded, names, namesSurviveAFailure});
}

}  // namespace messaging::unit
