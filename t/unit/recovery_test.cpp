// The rules where things go wrong: the store fails at any call, another owner writes at
// the same time, entries come again, a worker dies and another one takes over.
#include "t/unit/handler_fixture.hpp"

namespace messaging::unit {
namespace {

using Fault = MemoryStore::Fault;
using Kind = MemoryStore::Kind;

const std::vector<std::string> kPair = {"ann", "bob"};
const std::vector<std::string> kOther = {"ann", "cat"};

std::vector<Delivered> someBatch() {
    const std::string id = idOf(kPair);
    return {startOf("ann", kPair, "1", "c:1"),
            sendOf("bob", id, "2", "c:2"),
            readOf("ann", id),
            startOf("ann", kOther, "3", "c:3"),
            sendOf("ann", id, "4", "c:4"),
            startOf("cat", {"cat", "dan"})};
}

void expectSomeBatch(Bench& bench) {
    const std::string id = idOf(kPair);
    EXPECT_TEXT(bench.messages(id), "1:1 2:2 3:4");
    EXPECT_TEXT(bench.messages(idOf(kOther)), "1:3");
    EXPECT_TEXT(bench.row(id, "bob"), "3 1 0 0 4");
    EXPECT_TEXT(bench.row(idOf(kOther), "ann"), "1 1 0 0 3");
    EXPECT_TEXT(bench.row(idOf(kOther), "cat"), "1 0 0 0 3");
    EXPECT_TEXT(bench.row(idOf({"cat", "dan"}), "cat"), "0 0 0 0 ");
    const Membership& ann = bench.database.memberships[refOf(id)].at("ann");
    ck_assert_uint_eq(ann.lastSeq, 3);
    ck_assert_uint_eq(ann.sent, 2);
    // A read that runs again covers what it finds.
    ck_assert_uint_ge(ann.readSeq, 2);
    ck_assert_uint_eq(ann.unread(), 0);
}

bool untouched(const MemoryDatabase& database) {
    size_t stored = database.conversations.size() + database.keys.size();
    for (const auto& [ref, rows] : database.memberships) {
        stored += rows.size();
    }
    return stored == 0;
}

// As the bus goes on after a failure: `settled` false for what must come again.
void finish(Bench& bench, const Status& status, const std::vector<Delivered>& batch) {
    if (status.code() == Code::StoreUnavailable) {
        bench.run(batch);  // refused; the callers repeat
        return;
    }
    for (const Delivered& entry : batch) {
        bench.run({again(entry)});
        ck_assert_uint_eq(bench.effects.replies.size(), 1);
        ck_assert(bench.reply(0).code == Code::Ok);
    }
}

// Every call of a batch fails in every way, alone or with the abandon() after it, and
// the same worker or a new one goes on.
START_TEST(everyFault) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        size_t calls = 0;
        {
            Bench bench(kind);
            bench.run(someBatch());
            calls = bench.store.calls.size();
            expectSomeBatch(bench);
        }
        ck_assert_uint_ge(calls, 8);
        for (size_t n = 1; n <= calls; ++n) {
            for (const Fault fault :
                 {Fault::Definite, Fault::UnknownNot, Fault::UnknownDone}) {
                for (const size_t times : {1, 2}) {
                    for (const bool restart : {false, true}) {
                        Bench bench(kind);
                        const std::vector<Delivered> batch = someBatch();
                        bench.store.failAt(n, fault, times);
                        const Status status = bench.tryRun(batch);
                        const std::string where = bench.store.calls[n - 1];
                        EXPECT_FOR(!status.ok(), where);
                        EXPECT_FOR(bench.effects.replies.empty(), where);
                        EXPECT_FOR(bench.effects.publications.empty(), where);
                        if (status.code() == Code::StoreUnavailable) {
                            EXPECT_FOR(untouched(bench.database), where);
                        } else {
                            EXPECT_FOR(status.code() == Code::Internal, where);
                        }
                        bench.store.failAt(0, Fault::None, 0);
                        if (restart) {
                            bench.restart();
                        }
                        finish(bench, status, batch);
                        expectSomeBatch(bench);
                    }
                }
            }
        }
    }
}

START_TEST(definiteOnlyWhereProven) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        for (const char* call : {"load", "users", "begin", "insertConversations",
                                 "insertMessages", "raise", "putUsers", "commit"}) {
            Bench plan(kind);
            plan.run({startOf("ann", kPair, "1")});
            const auto& calls = plan.store.calls;
            const size_t n = static_cast<size_t>(
                std::find(calls.begin(), calls.end(), call) - calls.begin() + 1);
            Bench bench(kind);
            bench.store.failAt(n, Fault::Definite);
            const Status status = bench.tryRun({startOf("ann", kPair, "1")});
            const std::string name = call;
            const bool before = name == "load" || name == "users" || name == "begin" ||
                                name == "insertConversations";
            EXPECT_FOR(status.code() == (before || kind == Kind::Transactional
                                             ? Code::StoreUnavailable
                                             : Code::Internal),
                       name);
            // begin() that failed surely has nothing to abandon.
            EXPECT_FOR(
                bench.store.count("abandon") ==
                    (name == "load" || name == "users" || name == "begin" ? 0 : 1),
                name);
        }
    }
}

// An earlier run may have stored it: 503 would be a lie.
START_TEST(redeliveredIsNeverDefinite) {
    for (size_t n = 1; n <= 4; ++n) {
        Bench bench;
        bench.store.failAt(n, Fault::Definite);
        const Status status = bench.tryRun({again(startOf("ann", kPair, "1"))});
        ck_assert(status.code() == Code::Internal);
    }
}

START_TEST(failedBatchIsForgotten) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair, "1"));
    bench.store.failAt(3, Fault::Definite);  // raise
    ck_assert(!bench.tryRun({sendOf("ann", id, "x"), readOf("bob", id)}).ok());
    bench.store.calls.clear();
    bench.ask(sendOf("bob", id, "2"));
    ck_assert_uint_eq(bench.store.count("load"), 1);
    EXPECT_TEXT(bench.messages(id), "1:1 2:2");
    EXPECT_TEXT(bench.row(id, "bob"), "2 1 0 0 2");
}

// --- Another owner

START_TEST(anotherOwnerInBetween) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        Bench bench(kind);
        const std::string id = idOf(kPair);
        bench.run({startOf("ann", kPair, "1"), startOf("ann", kOther, "a")});
        int left = 3;
        bench.store.before("insertMessages", [&] {
            if (left-- > 0) {
                bench.database.append(refOf(id), left == 1 ? "bob" : "ann",
                                      "i:f" + std::to_string(left));
            }
        });
        bench.run({sendOf("ann", id, "2"), sendOf("ann", idOf(kOther), "b"),
                   sendOf("bob", id, "3"), readOf("ann", id), sendOf("ann", id, "4")});
        // Ours keep their order behind what was there first; the other one is not held
        // up.
        EXPECT_TEXT(bench.messages(id),
                    "1:1 2:from another owner 3:from another owner "
                    "4:from another owner 5:2 6:3 7:4");
        EXPECT_TEXT(bench.messages(idOf(kOther)), "1:a 2:b");
        EXPECT_TEXT(at(bench.reply(0).body, "seq"), "5");
        EXPECT_TEXT(at(bench.reply(2).body, "seq"), "6");
        EXPECT_TEXT(at(bench.reply(3).body, "readSeq"), "6");
        EXPECT_TEXT(at(bench.reply(3).body, "unreadCount"), "0");
        EXPECT_TEXT(bench.row(id, "ann"), "7 5 6 4 4");
        EXPECT_TEXT(bench.row(id, "bob"), "7 2 0 0 4");
        EXPECT_TEXT(at(eventFor(bench.effects, "bob", "unread"), "unreadCount"), "5");
        bench.store.calls.clear();
        bench.ask(sendOf("bob", id, "5"));
        ck_assert_uint_eq(bench.store.count("load"), 0);
        EXPECT_TEXT(bench.row(id, "bob"), "8 3 0 0 5");
    }
}

// A new conversation that somebody else opened and wrote into first.
START_TEST(anotherOwnerOpensIt) {
    Bench bench(Kind::Plain);
    const std::string id = idOf(kPair);
    bench.store.before("insertConversations", [&] {
        Conversation conversation;
        conversation.site = "shop";
        conversation.id = id;
        conversation.members = kPair;
        conversation.starter = "bob";
        conversation.createdAt = kNow - 5;
        bench.database.conversations[refOf(id)] = conversation;
        bench.database.append(refOf(id), "bob", "i:f");
    });
    const Reply reply = bench.ask(startOf("ann", kPair, "2"));
    EXPECT_TEXT(at(reply.body, "message.seq"), "2");
    EXPECT_TEXT(bench.messages(id), "1:from another owner 2:2");
    EXPECT_TEXT(bench.row(id, "bob"), "2 1 0 0 2");
    EXPECT_TEXT(bench.database.conversations.at(refOf(id)).starter, "bob");
}

START_TEST(anotherOwnerNeverStops) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        Bench bench(kind);
        const std::string id = idOf(kPair);
        bench.ask(startOf("ann", kPair, "1"));
        int count = 0;
        bool busy = true;
        bench.store.before("insertMessages", [&] {
            if (busy) {
                bench.database.append(refOf(id), "bob",
                                      "i:f" + std::to_string(++count));
            }
        });
        const Delivered entry = sendOf("ann", id, "2");
        ck_assert(bench.tryRun({entry}).code() == Code::Internal);
        ck_assert_int_le(count, 10);
        busy = false;
        ck_assert_int_eq(bench.ask(again(entry)).status, 201);
        ck_assert_uint_eq(bench.database.messages[refOf(id)].size(),
                          static_cast<size_t>(count) + 2);
        bench.messages(id);
        ck_assert_uint_eq(bench.database.memberships[refOf(id)].at("bob").unread(), 2);
    }
}

// The other owner runs the very same command: one message, one answer.
START_TEST(anotherOwnerRunsTheSame) {
    MemoryDatabase database;
    MemoryStore first(database, Kind::Plain);
    MemoryStore second(database, Kind::Plain);
    worker::Writer ours(first, "one");
    worker::Writer theirs(second, "two");
    const std::string id = idOf(kPair);
    const std::vector<Delivered> batch = {sendOf("ann", id, "2", "c:2"),
                                          sendOf("ann", id, "3", "c:3"),
                                          sendOf("bob", id, "4", "c:4")};
    Effects effects;
    ck_assert(ours.run({startOf("ann", kPair, "1")}, effects).ok());
    bool once = true;
    first.before("insertMessages", [&] {
        if (std::exchange(once, false)) {
            Effects others;
            ck_assert(
                theirs.run({sendOf("bob", id, "5", "c:5"), batch[1], batch[0]}, others)
                    .ok());
        }
    });
    effects = Effects();
    ck_assert(ours.run(batch, effects).ok());
    std::string all;
    for (const auto& [seq, message] : database.messages[refOf(id)]) {
        all += std::to_string(seq) + ':' + message.content + ' ';
    }
    EXPECT_TEXT(all, "1:1 2:5 3:3 4:2 5:4 ");
    EXPECT_TEXT(at(effects.replies[0].second.body, "seq"), "4");
    ck_assert_int_eq(effects.replies[0].second.status, 200);
    EXPECT_TEXT(at(effects.replies[1].second.body, "seq"), "3");
    EXPECT_TEXT(at(effects.replies[2].second.body, "seq"), "5");
    ck_assert_int_eq(effects.replies[2].second.status, 201);
    ck_assert_uint_eq(database.memberships[refOf(id)].at("ann").unread(), 2);
    ck_assert(first.complaints.empty() && second.complaints.empty());
}

// Numbers in memory are behind: reading all that one saw must not be lost.
START_TEST(readOfWhatAnotherOwnerStored) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair, "1"));
    bench.database.append(refOf(id), "ann", "i:f");
    const Reply reply = bench.ask(readOf("bob", id, 2));
    EXPECT_TEXT(at(reply.body, "readSeq"), "2");
    EXPECT_TEXT(bench.row(id, "bob"), "2 0 2 0 from another owner");
    EXPECT_TEXT(bench.row(id, "ann"), "2 2 0 0 from another owner");
}

// What a batch learns of others' messages counts for the next one.
START_TEST(newsOfAnotherOwner) {
    Bench bench;
    const std::string id = idOf(kPair);
    const Delivered entry = sendOf("ann", id, "2");
    bench.run({startOf("ann", kPair, "1"), entry});
    bench.database.append(refOf(id), "ann", "i:f");
    ck_assert_int_eq(bench.ask(entry).status, 200);
    bench.store.calls.clear();
    EXPECT_TEXT(at(bench.ask(readOf("bob", id)).body, "readSeq"), "3");
    ck_assert_uint_eq(bench.store.count("load"), 0);
    EXPECT_TEXT(bench.row(id, "bob"), "3 0 3 0 from another owner");
}

// load() reads the last number first: what slips in after it must not count.
START_TEST(messageSlipsIntoALoad) {
    for (const bool reading : {false, true}) {
        Bench bench;
        const std::string id = idOf(kPair);
        bench.run({startOf("ann", kPair, "1"), sendOf("bob", id, "2")});
        bench.restart();
        bool once = true;
        bench.store.before("load between", [&] {
            if (std::exchange(once, false)) {
                bench.database.append(refOf(id), "bob", "i:f");
            }
        });
        if (reading) {
            EXPECT_TEXT(at(bench.ask(readOf("bob", id)).body, "readSeq"), "2");
            EXPECT_TEXT(bench.row(id, "bob"), "2 1 2 1 2");
        } else {
            bench.ask(sendOf("bob", id, "4"));
            EXPECT_TEXT(bench.messages(id), "1:1 2:2 3:from another owner 4:4");
            EXPECT_TEXT(bench.row(id, "bob"), "4 3 0 0 4");
        }
    }
}

}  // namespace

Suite* recoverySuite() {
    return suiteOf(
        "recovery",
        {everyFault, definiteOnlyWhereProven, redeliveredIsNeverDefinite,
         failedBatchIsForgotten, anotherOwnerInBetween, anotherOwnerOpensIt,
         anotherOwnerNeverStops, anotherOwnerRunsTheSame, readOfWhatAnotherOwnerStored,
         newsOfAnotherOwner, messageSlipsIntoALoad});
}

}  // namespace messaging::unit
