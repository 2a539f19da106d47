// The rules of changing a conversation: once, the newest word, told to whom it
// concerns.
#include "t/unit/handler_fixture.hpp"

namespace messaging::unit {
namespace {

using Kind = MemoryStore::Kind;
using Fault = MemoryStore::Fault;

const std::vector<std::string> kPair = {"ann", "bob"};
const char* const kClose = "{\"status\":\"closed\"}";
const char* const kReopen = "{\"status\":\"open\"}";
const char* const kArchive = "{\"archived\":true}";

struct Talk : Bench {
    explicit Talk(Kind kind = Kind::Transactional) : Bench(kind) {
        run({startOf("ann", kPair, "hello")});
    }
    // "rev status subject closedSeq archived…" of what is stored.
    std::string state() const {
        const Conversation& stored = database.conversations.at(refOf(id));
        std::string text = std::to_string(stored.rev) +
                           (stored.closed ? " closed " : " open ") + stored.subject +
                           " " + std::to_string(stored.closedSeq);
        for (const std::string& member : stored.archived) {
            text += " " + member;
        }
        return text;
    }
    // "rev closed archived" of a member's copy.
    std::string copy(const std::string& member) {
        const Membership& row = database.memberships[refOf(id)].at(member);
        return std::to_string(row.rev) + (row.closed ? " closed" : "") +
               (row.archived ? " archived" : "");
    }

    const std::string id = idOf(kPair);
};

START_TEST(change) {
    Talk talk;
    talk.run({sendOf("bob", talk.id, "2")});
    Reply reply = talk.ask(changeOf("ann", talk.id, kClose));
    ck_assert_int_eq(reply.status, 200);
    EXPECT_TEXT(at(reply.body, "status"), "closed");
    EXPECT_TEXT(at(reply.body, "rev"), "1");
    EXPECT_TEXT(at(reply.body, "members.1.name"), "Name of bob");
    EXPECT_TEXT(eventsFor(talk.effects, "ann"), "conversation");
    EXPECT_TEXT(eventsFor(talk.effects, "bob"), "conversation");
    EXPECT_TEXT(at(eventFor(talk.effects, "bob", "conversation"), "status"), "closed");
    EXPECT_TEXT(talk.state(), "1 closed  2");
    EXPECT_TEXT(talk.copy("ann") + ", " + talk.copy("bob"), "1 closed, 1 closed");

    // Who archives does it for themselves.
    reply = talk.ask(changeOf("bob", talk.id, kArchive));
    EXPECT_TEXT(at(reply.body, "archived"), "true");
    EXPECT_TEXT(eventsFor(talk.effects, "ann"), "");
    EXPECT_TEXT(eventsFor(talk.effects, "bob"), "conversation");
    EXPECT_TEXT(talk.copy("ann") + ", " + talk.copy("bob"),
                "2 closed, 2 closed archived");

    reply = talk.ask(changeOf("bob", talk.id,
                              "{\"status\":\"open\",\"archived\":false,"
                              "\"subject\":\"Late\"}"));
    EXPECT_TEXT(at(eventFor(talk.effects, "ann", "conversation"), "subject"), "Late");
    EXPECT_TEXT(talk.state(), "3 open Late 2");
    EXPECT_TEXT(
        at(talk.ask(changeOf("ann", talk.id, "{\"subject\":null}")).body, "subject"),
        "null");
    // A message changes nothing of it, and is not stopped by it.
    talk.run({changeOf("ann", talk.id, kClose), sendOf("bob", talk.id, "3"),
              changeOf("bob", talk.id, kClose)});
    EXPECT_TEXT(talk.state(), "6 closed  2");
    EXPECT_TEXT(talk.messages(talk.id), "1:hello 2:2 3:3");
    EXPECT_TEXT(talk.copy("ann") + talk.row(talk.id, "ann"), "6 closed3 1 0 0 3");
}

START_TEST(changeChecks) {
    Talk talk;
    ck_assert(talk.ask(changeOf("eve", talk.id, kClose)).code == Code::NotFound);
    ck_assert(talk.ask(changeOf("ann", idOf({"ann", "cat"}), kClose)).code ==
              Code::NotFound);
    ck_assert(talk.ask(changeOf("ann", talk.id, "{}")).code == Code::MissingField);
    ck_assert(talk.ask(changeOf("ann", talk.id, "{\"rev\":9}")).code ==
              Code::UnknownField);
    EXPECT_TEXT(talk.state(), "0 open  0");
}

// Within a batch closing counts the messages before it, and no more.
START_TEST(closedInABatch) {
    Talk talk;
    talk.run({sendOf("bob", talk.id, "2"), changeOf("ann", talk.id, kClose),
              sendOf("bob", talk.id, "3"), changeOf("ann", talk.id, kArchive)});
    EXPECT_TEXT(talk.state(), "2 closed  2 ann");
    EXPECT_TEXT(at(talk.reply(1).body, "rev"), "2");
    EXPECT_TEXT(talk.copy("bob"), "2 closed");
    ck_assert_uint_eq(talk.store.count("change"), 1);
}

// What is not listed by its other member is not shown to them by a change.
START_TEST(changeBeforeTheFirstMessage) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.run({startOf("ann", kPair)});
    bench.run({changeOf("bob", id, "{\"subject\":\"Late\",\"archived\":true}")});
    EXPECT_TEXT(eventsFor(bench.effects, "ann"), "conversation");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "");
    EXPECT_TEXT(bench.row(id, "bob"), "none");
    ck_assert_uint_eq(bench.database.memberships[refOf(id)].at("ann").rev, 1);
    bench.run({sendOf("ann", id, "hello")});
    EXPECT_TEXT(at(eventFor(bench.effects, "bob", "conversation"), "archived"), "true");
    ck_assert(bench.database.memberships[refOf(id)].at("bob").archived);
}

START_TEST(redeliveredChange) {
    Talk talk;
    const Delivered close = changeOf("ann", talk.id, kClose, "c:1");
    talk.run({close});
    talk.run({changeOf("bob", talk.id, kReopen)});
    EXPECT_TEXT(talk.state(), "2 open  1");
    // Known by its mark, whatever came since; its caller and the members are told what
    // is true now.
    for (const bool expired : {false, true}) {
        talk.restart();
        const Reply reply = talk.ask(again(close, expired));
        EXPECT_TEXT(at(reply.body, "status"), "open");
        EXPECT_TEXT(eventsFor(talk.effects, "bob"), "conversation");
        EXPECT_TEXT(talk.state(), "2 open  1");
    }
    // A client's own repeat.
    EXPECT_TEXT(at(talk.ask(changeOf("ann", talk.id, kClose, "c:1")).body, "rev"), "2");
    EXPECT_TEXT(eventsFor(talk.effects, "bob"), "");
    // One that no earlier run made.
    talk.run({again(changeOf("ann", talk.id, kClose, "c:2"), true)});
    ck_assert_uint_eq(talk.effects.replies.size(), 0);
    EXPECT_TEXT(talk.state(), "2 open  1");
    talk.run({again(changeOf("ann", talk.id, kClose, "c:3"))});
    EXPECT_TEXT(talk.state(), "3 closed  1");
    for (size_t i = 0; i < 2 * limits::kMaxChanges; ++i) {
        talk.run({changeOf("ann", talk.id, kArchive)});
    }
    ck_assert_uint_eq(talk.database.conversations.at(refOf(talk.id)).changes.size(),
                      limits::kMaxChanges);
}

// Stored, and its memberships not: whoever comes next raises them.
START_TEST(changedWithoutMemberships) {
    for (const bool expired : {false, true}) {
        Talk talk(Kind::Plain);
        const Delivered close = changeOf("ann", talk.id, kClose);
        talk.store.before("raise", [&] { talk.store.failAt(1, Fault::Definite); });
        ck_assert(talk.tryRun({close}).code() == Code::Internal);
        EXPECT_TEXT(talk.state(), "1 closed  1");
        EXPECT_TEXT(talk.copy("bob"), "0");
        MemoryStore other(talk.database, Kind::Plain);
        worker::Writer next(other, "other");
        Effects effects;
        ck_assert(next.run({again(close, expired)}, effects).ok());
        EXPECT_TEXT(talk.copy("bob"), "1 closed");
        EXPECT_TEXT(eventsFor(effects, "bob"), "conversation");
        ck_assert_int_eq(effects.replies.at(0).second.status, 200);
    }
}

// Another owner changed it since we knew it.
START_TEST(changedByTwoOwners) {
    Talk talk;
    MemoryStore other(talk.database);
    worker::Writer second(other, "other");
    Effects effects;
    ck_assert(second.run({changeOf("bob", talk.id, kArchive)}, effects).ok());
    const Reply reply = talk.ask(changeOf("ann", talk.id, kClose));
    EXPECT_TEXT(at(reply.body, "rev"), "2");
    EXPECT_TEXT(talk.state(), "2 closed  1 bob");
    EXPECT_TEXT(talk.copy("bob"), "2 closed archived");
    // Who knows less says so with a lower rev, and lowers nothing.
    ck_assert(second.run({sendOf("bob", talk.id, "2")}, effects).ok());
    EXPECT_TEXT(talk.copy("bob"), "2 closed archived");
}

START_TEST(driftOfCopies) {
    Talk talk;
    talk.run({changeOf("ann", talk.id, kClose)});
    Membership& row = talk.database.memberships[refOf(talk.id)].at("bob");
    row.closed = false;
    row.rev = 0;
    const auto drifts = worker::findDrift(talk.store, refOf(talk.id));
    ck_assert(drifts.ok());
    ck_assert_uint_eq(drifts->size(), 1);
    ck_assert(drifts.value()[0].right.closed);
    ck_assert_uint_eq(drifts.value()[0].right.rev, 1);
}

}  // namespace

Suite* changeSuite() {
    return suiteOf("change",
                   {change, changeChecks, closedInABatch, changeBeforeTheFirstMessage,
                    redeliveredChange, changedWithoutMemberships, changedByTwoOwners,
                    driftOfCopies});
}

}  // namespace messaging::unit
