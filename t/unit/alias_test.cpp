// Aliases: whoever names the id that is derived from two people means the conversation
// that came from another system with an id of its own, whichever shard either is of.
#include "t/unit/handler_fixture.hpp"

namespace messaging::unit {
namespace {

using Kind = MemoryStore::Kind;

const std::vector<std::string> kPair = {"ann", "bob"};
const std::string kOld = "64b1f0c2a1b2c3d4e5f60718";

// A conversation of two messages that came from another system.
void moveIn(MemoryDatabase& database) {
    Conversation old;
    old.site = "shop";
    old.id = kOld;
    old.members = kPair;
    old.starter = "ann";
    old.createdAt = kNow - 1000;
    old.forward = kOld;
    database.conversations[refOf(idOf(kPair))] = aliasOf(old, idOf(kPair));
    database.conversations[refOf(kOld)] = old;
    database.append(refOf(kOld), "ann", "o:m1");
    database.append(refOf(kOld), "bob", "o:m2");
}

void nothingAtTheAlias(Bench& bench) {
    ck_assert(bench.database.messages[refOf(idOf(kPair))].empty());
    ck_assert(bench.database.memberships[refOf(idOf(kPair))].empty());
}

START_TEST(commandsAreForwarded) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        Bench bench(kind);
        moveIn(bench.database);
        const std::string derived = idOf(kPair);
        const Delivered start = startOf("ann", kPair, "3", "c:k");
        Reply reply = bench.ask(start);
        ck_assert_int_eq(reply.status, 200);
        EXPECT_TEXT(at(reply.body, "conversation.id"), kOld);
        EXPECT_TEXT(at(reply.body, "message.conversationId"), kOld);
        EXPECT_TEXT(at(reply.body, "message.seq"), "3");
        bench.restart();
        reply = bench.ask(again(start));
        EXPECT_TEXT(at(reply.body, "message.id"), kOld + ".3");
        bench.run({startOf("bob", kPair), sendOf("bob", derived, "4"),
                   sendOf("bob", kOld, "5"), readOf("ann", derived)});
        EXPECT_TEXT(at(bench.reply(0).body, "conversation.lastSeq"), "3");
        EXPECT_TEXT(at(bench.reply(3).body, "readSeq"), "5");
        EXPECT_TEXT(at(bench.reply(3).body, "conversationId"), kOld);
        ck_assert_int_eq(
            bench.ask(changeOf("bob", derived, R"({"status":"closed"})")).status, 200);
        ck_assert(bench.database.conversations[refOf(kOld)].closed);
        ck_assert_uint_eq(bench.database.conversations[refOf(kOld)].closedSeq, 5);
        EXPECT_TEXT(bench.row(kOld, "ann"), "5 2 5 2 5");
        nothingAtTheAlias(bench);
        // Not a member: it does not exist, by neither name.
        ck_assert_int_eq(bench.ask(sendOf("eve", derived, "x")).status, 404);
    }
}

// Two owners: one of the derived id's shard, one of the old id's, each with numbers in
// memory.
START_TEST(twoShardsTwoOwners) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        Bench bench(kind);
        moveIn(bench.database);
        MemoryStore store(bench.database, kind);
        worker::Writer other(store, "other");
        const auto forward = [&](const Delivered& entry) {
            Effects effects;
            EXPECT_FOR(other.run({entry}, effects).ok(), entry.command.body);
            return effects.replies.at(0).second;
        };
        bench.ask(sendOf("bob", kOld, "3"));
        Reply reply = forward(startOf("ann", kPair, "4"));
        EXPECT_TEXT(at(reply.body, "message.seq"), "4");
        // Who reads all, or closes, does so with what the other one stored.
        EXPECT_TEXT(at(bench.ask(readOf("bob", kOld)).body, "readSeq"), "4");
        EXPECT_TEXT(at(bench.ask(sendOf("bob", kOld, "5")).body, "seq"), "5");
        reply = forward(startOf("ann", kPair, "6"));
        EXPECT_TEXT(at(reply.body, "message.seq"), "6");
        reply = forward(startOf("ann", kPair));
        EXPECT_TEXT(at(reply.body, "conversation.lastSeq"), "6");
        bench.ask(changeOf("bob", kOld, R"({"status":"closed"})"));
        ck_assert_uint_eq(bench.database.conversations[refOf(kOld)].closedSeq, 6);
        EXPECT_TEXT(at(forward(startOf("ann", kPair)).body, "conversation.status"),
                    "closed");
        EXPECT_TEXT(bench.messages(kOld),
                    "1:from another owner 2:from another owner 3:3 4:4 5:5 6:6");
        EXPECT_TEXT(bench.row(kOld, "bob"), "6 3 4 2 6");
        nothingAtTheAlias(bench);
        for (const std::string& complaint : store.complaints) {
            ck_abort_msg("%s", complaint.c_str());
        }
    }
}

// The import writes the alias between a start's look and its insert.
START_TEST(anAliasIsMadeMeanwhile) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        Bench bench(kind);
        bench.store.before("insertConversations", [&] {
            if (bench.database.conversations.empty()) {
                moveIn(bench.database);
            }
        });
        const Delivered start = startOf("ann", kPair, "3");
        const Status status = bench.tryRun({start});
        EXPECT_FAILURE(status, Code::Internal, "");
        nothingAtTheAlias(bench);
        const Reply reply = bench.ask(again(start));
        EXPECT_TEXT(at(reply.body, "message.conversationId"), kOld);
        EXPECT_TEXT(at(reply.body, "message.seq"), "3");
        nothingAtTheAlias(bench);
    }
}

// Half of an import: nothing is made up.
START_TEST(anAliasOfNothing) {
    Bench bench;
    moveIn(bench.database);
    bench.database.conversations.erase(refOf(kOld));
    ck_assert_int_eq(bench.ask(startOf("ann", kPair, "1")).status, 404);
    nothingAtTheAlias(bench);
}

START_TEST(readsAreForwarded) {
    Bench bench;
    moveIn(bench.database);
    bench.ask(startOf("ann", kPair, "3"));
    worker::Reader reader(bench.store);
    const auto look = [&](Operation operation, const std::string& user) {
        return reader.run(
            entryOf(operation, user, idOf(kPair),
                    operation == Operation::History ? R"({"limit":"9"})" : "{}")
                .command);
    };
    const Reply history = look(Operation::History, "bob");
    EXPECT_TEXT(at(history.body, "messages.0.id"), "m1");
    EXPECT_TEXT(at(history.body, "messages.1.id"), "m2");
    EXPECT_TEXT(at(history.body, "messages.2.id"), kOld + ".3");
    EXPECT_TEXT(at(look(Operation::Conversation, "bob").body, "id"), kOld);
    EXPECT_TEXT(at(look(Operation::Conversation, "bob").body, "unreadCount"), "2");
    ck_assert_int_eq(look(Operation::History, "eve").status, 404);
    const auto hits = reader.run(
        entryOf(Operation::Search, "bob", {}, R"({"limit":"9","q":"3"})").command);
    EXPECT_TEXT(at(hits.body, "messages.0.id"), kOld + ".3");
    // Streams know it by its own id only, whichever was typed at.
    std::vector<Publication> whispers;
    ck_assert_int_eq(
        reader
            .run(entryOf(Operation::Typing, "bob", idOf(kPair), "{}").command,
                 &whispers)
            .status,
        204);
    ck_assert_uint_eq(whispers.size(), 1);
    EXPECT_TEXT(at(whispers[0].events[0].data, "conversationId"), kOld);
}

}  // namespace

Suite* aliasSuite() {
    return suiteOf("alias",
                   {commandsAreForwarded, twoShardsTwoOwners, anAliasIsMadeMeanwhile,
                    anAliasOfNothing, readsAreForwarded});
}

}  // namespace messaging::unit
