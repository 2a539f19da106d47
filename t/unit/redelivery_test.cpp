// The rules where entries come again, and where an owner left something half done.
#include <map>

#include "t/unit/handler_fixture.hpp"

namespace messaging::unit {
namespace {

using worker::Fate;
using Fault = MemoryStore::Fault;
using Kind = MemoryStore::Kind;

const std::vector<std::string> kPair = {"ann", "bob"};
const std::vector<std::string> kOther = {"ann", "cat"};

// --- Redelivery

START_TEST(redeliveredAndStored) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair, "1"));
    const Delivered entry = sendOf("ann", id, "2");
    const Reply first = bench.ask(entry);
    bench.ask(readOf("bob", id));
    bench.ask(sendOf("ann", id, "3"));
    for (const bool expired : {false, true}) {
        bench.restart();
        const Reply second = bench.ask(again(entry, expired));
        ck_assert_int_eq(second.status, 200);
        EXPECT_TEXT(at(second.body, "id"), at(first.body, "id"));
        EXPECT_TEXT(at(second.body, "read"), "true");
        // Told again, as things are now.
        EXPECT_TEXT(eventsFor(bench.effects, "ann"), "message");
        EXPECT_TEXT(eventsFor(bench.effects, "bob"), "message unread");
        EXPECT_TEXT(at(eventFor(bench.effects, "bob", "message"), "read"), "true");
        EXPECT_TEXT(at(eventFor(bench.effects, "bob", "unread"), "unreadCount"), "1");
        EXPECT_TEXT(bench.messages(id), "1:1 2:2 3:3");
        EXPECT_TEXT(bench.row(id, "bob"), "3 0 2 0 3");
    }
    Delivered other = entry;
    other.command.body = encode(SendArguments{"other"});
    ck_assert(bench.ask(again(other)).code == Code::KeyReused);
    ck_assert_uint_eq(bench.effects.publications.size(), 0);
}

START_TEST(redeliveredWithoutMemberships) {
    for (const bool expired : {false, true}) {
        Bench bench(Kind::Plain);
        const std::string id = idOf(kPair);
        const Delivered entry = startOf("ann", kPair, "1");
        bench.store.failAt(6, Fault::Definite);
        ck_assert(bench.tryRun({entry}).code() == Code::Internal);
        EXPECT_TEXT(bench.store.calls[5], "raise");
        EXPECT_TEXT(bench.messages(id), "1:1");
        EXPECT_TEXT(bench.row(id, "bob"), "none");
        bench.restart();
        const Reply reply = bench.ask(again(entry, expired));
        ck_assert_int_eq(reply.status, 200);
        EXPECT_TEXT(at(reply.body, "message.seq"), "1");
        EXPECT_TEXT(bench.row(id, "ann"), "1 1 0 0 1");
        EXPECT_TEXT(bench.row(id, "bob"), "1 0 0 0 1");
        EXPECT_TEXT(eventsFor(bench.effects, "ann"), "conversation message");
        EXPECT_TEXT(eventsFor(bench.effects, "bob"), "conversation message unread");
        EXPECT_TEXT(
            at(eventFor(bench.effects, "bob", "conversation"), "members.0.name"),
            "Name of ann");
    }
}

START_TEST(redeliveredAndNotStored) {
    Bench bench;
    const std::string id = idOf(kPair);
    ck_assert_int_eq(bench.ask(again(startOf("ann", kPair, "1"))).status, 201);
    ck_assert_int_eq(bench.ask(again(sendOf("ann", id, "2"))).status, 201);
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "message unread");

    // Too late, and no earlier run did it: no effect, and the caller has its 504.
    const std::string other = idOf(kOther);
    bench.store.calls.clear();
    for (const Delivered& entry :
         {startOf("ann", kOther, "x"), startOf("ann", kOther), sendOf("ann", id, "x"),
          startOf("ann", kPair, "x"), readOf("bob", id), readOf("bob", id, 1)}) {
        bench.run({again(entry, true)});
        ck_assert_uint_eq(bench.effects.replies.size(), 0);
        ck_assert_uint_eq(bench.effects.publications.size(), 0);
    }
    ck_assert_uint_eq(bench.store.count("begin"), 0);
    EXPECT_TEXT(bench.messages(id), "1:1 2:2");
    EXPECT_TEXT(bench.row(id, "bob"), "2 0 0 0 2");
    ck_assert_uint_eq(bench.database.conversations.count(refOf(other)), 0);
}

START_TEST(redeliveredOpening) {
    Bench bench(Kind::Plain);
    const std::string id = idOf(kPair);
    const Delivered entry = startOf("ann", kPair);
    bench.store.failAt(5, Fault::Definite);
    ck_assert(bench.tryRun({entry}).code() == Code::Internal);
    EXPECT_TEXT(bench.store.calls[4], "raise");
    ck_assert_uint_eq(bench.database.conversations.size(), 1);
    EXPECT_TEXT(bench.row(id, "ann"), "none");
    bench.restart();
    ck_assert_int_eq(bench.ask(again(entry, true)).status, 200);
    EXPECT_TEXT(bench.row(id, "ann"), "0 0 0 0 ");
    EXPECT_TEXT(eventsFor(bench.effects, "ann"), "conversation");
    // It was complete, but nobody knows whether it was said.
    bench.ask(again(entry));
    EXPECT_TEXT(eventsFor(bench.effects, "ann"), "conversation");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "");
}

START_TEST(redeliveredRead) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.run({startOf("ann", kPair, "1"), sendOf("ann", id, "2")});
    const Delivered entry = readOf("bob", id, 1);
    for (const bool expired : {false, true}) {
        bench.restart();
        const Reply reply = bench.ask(again(entry, expired));
        EXPECT_TEXT(at(reply.body, "readSeq"), "1");
        EXPECT_TEXT(eventsFor(bench.effects, "ann"), "read");
        EXPECT_TEXT(eventsFor(bench.effects, "bob"), "read unread");
        EXPECT_TEXT(bench.row(id, "bob"), "2 0 1 0 2");
    }
}

// A repeat among the new ones is found whatever its neighbours are.
START_TEST(redeliveredAmongNew) {
    Bench bench;
    const std::string id = idOf(kPair);
    const Delivered entry = sendOf("ann", id, "2", "c:2");
    bench.run({startOf("ann", kPair, "1"), entry});
    bench.run(
        {sendOf("bob", id, "3"), again(entry, true), entry, sendOf("bob", id, "4")});
    EXPECT_TEXT(bench.messages(id), "1:1 2:2 3:3 4:4");
    ck_assert_uint_eq(bench.effects.replies.size(), 4);
    EXPECT_TEXT(at(bench.reply(1).body, "seq"), "2");
    EXPECT_TEXT(at(bench.reply(2).body, "seq"), "2");
}

// --- What is left half done

using Fates = std::map<std::string, Fate>;

worker::FateOf fatesOf(Fates fates) {
    return [fates = std::move(fates)](const std::string& owner) {
        const auto found = fates.find(owner);
        return found == fates.end() ? Fate::Silent : found->second;
    };
}

void rollForward(Bench& bench, uint64_t now, Fates fates = {}) {
    bench.effects = Effects();
    const worker::FateOf fateOf = fatesOf(std::move(fates));
    ck_assert(bench.writer->rollForward(now, fateOf, bench.effects).ok());
}

// The next batch's note takes the place of the failed one's: its work is done first.
START_TEST(unsettledIsFinishedFirst) {
    Bench bench(Kind::Plain);
    const std::string id = idOf(kPair);
    const std::string other = idOf(kOther);
    bench.store.failAt(6, Fault::Definite);
    ck_assert(bench.tryRun({startOf("ann", kPair, "1"), startOf("ann", kOther, "a")})
                  .code() == Code::Internal);
    EXPECT_TEXT(bench.row(id, "bob"), "none");
    ck_assert_uint_eq(bench.database.notes.at("me").conversations.size(), 2);

    // While that fails nothing else is attempted, and what is new can be refused.
    const Delivered third = startOf("dan", {"dan", "eve"}, "x");
    bench.store.failAt(3, Fault::Definite);
    ck_assert(bench.tryRun({third}).code() == Code::StoreUnavailable);
    EXPECT_TEXT(bench.row(id, "bob"), "none");
    ck_assert_uint_eq(bench.database.notes.at("me").conversations.size(), 2);
    ck_assert_uint_eq(bench.database.conversations.size(), 2);

    bench.ask(third);
    EXPECT_TEXT(bench.row(id, "bob"), "1 0 0 0 1");
    EXPECT_TEXT(bench.row(other, "cat"), "1 0 0 0 a");
    // Nobody knows what was said of it.
    ck_assert(lossFor(bench.effects, "bob") && lossFor(bench.effects, "cat"));
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "");
    EXPECT_TEXT(eventsFor(bench.effects, "eve"), "conversation message unread");
    ck_assert_uint_eq(bench.database.notes.at("me").conversations.size(), 3);
    bench.store.calls.clear();
    bench.ask(sendOf("dan", third.command.conversation, "y"));
    ck_assert_uint_eq(bench.store.count("load"), 0);
}

// A batch that fails says what the one before left, and leaves its own.
START_TEST(unsettledAgain) {
    Bench bench(Kind::Plain);
    const std::string id = idOf(kPair);
    bench.store.failAt(6, Fault::UnknownDone);
    ck_assert(bench.tryRun({startOf("ann", kPair, "1")}).code() == Code::Internal);
    bench.store.before("insertMessages",
                       [&] { bench.store.failAt(1, Fault::UnknownDone); });
    ck_assert(bench.tryRun({startOf("ann", kOther, "a")}).code() == Code::Internal);
    ck_assert(lossFor(bench.effects, "bob") && lossFor(bench.effects, "ann"));
    ck_assert(!lossFor(bench.effects, "cat"));
    ck_assert(bench.effects.replies.empty());
    ck_assert_uint_eq(bench.database.notes.at("me").conversations.size(), 2);
    EXPECT_TEXT(bench.row(idOf(kOther), "cat"), "none");

    // No command may come that would run it again.
    rollForward(bench, kNow);
    ck_assert(lossFor(bench.effects, "cat") && !lossFor(bench.effects, "bob"));
    EXPECT_TEXT(bench.row(idOf(kOther), "cat"), "1 0 0 0 a");
    rollForward(bench, kNow);
    ck_assert(bench.effects.publications.empty());
}

START_TEST(foreignNotes) {
    Bench bench(Kind::Plain);
    const std::string id = idOf(kPair);
    bench.run({startOf("ann", kPair, "1"), readOf("bob", id)});

    // Another owner stored messages and died.
    bench.database.append(refOf(id), "ann", "i:f");
    bench.database.append(refOf(id), "bob", "i:g");
    bench.database.notes["dead"] = {"dead", {refOf(id), refOf("never inserted")}};
    rollForward(bench, kNow);
    EXPECT_TEXT(bench.row(id, "ann"), "3 2 0 0 from another owner");
    EXPECT_TEXT(bench.row(id, "bob"), "3 1 1 0 from another owner");
    ck_assert(lossFor(bench.effects, "ann") && lossFor(bench.effects, "bob"));
    ck_assert_uint_eq(bench.effects.publications.size(), 2);
    ck_assert_uint_eq(bench.database.notes.count("dead"), 1);

    // Numbers in memory were forgotten with it.
    bench.store.calls.clear();
    ck_assert_int_eq(bench.ask(sendOf("ann", id, "4")).status, 201);
    ck_assert_uint_eq(bench.store.count("insertMessages"), 1);
    EXPECT_TEXT(bench.row(id, "bob"), "4 1 1 0 4");

    // It was only stopped: it wakes up and inserts. A minute later that is found too.
    rollForward(bench, kNow + 59999);
    ck_assert_uint_eq(bench.effects.publications.size(), 0);
    bench.database.append(refOf(id), "ann", "i:h");
    rollForward(bench, kNow + 60000);
    EXPECT_TEXT(bench.row(id, "bob"), "5 1 1 0 from another owner");
    ck_assert(lossFor(bench.effects, "bob"));
    // Until that is said the note stays.
    ck_assert_uint_eq(bench.database.notes.count("dead"), 1);
    rollForward(bench, kNow + 60000);
    ck_assert_uint_eq(bench.database.notes.count("dead"), 0);
    ck_assert_uint_eq(bench.database.notes.count("me"), 1);
    ck_assert(bench.effects.publications.empty());

    // One that changes is looked at anew; it is not dropped under its owner's feet.
    bench.database.notes["other"] = {"other", {refOf(id)}};
    rollForward(bench, kNow + 70000);
    ck_assert(lossFor(bench.effects, "bob"));
    bench.database.notes["other"] = {"other", {refOf("never inserted")}};
    rollForward(bench, kNow + 140000);
    ck_assert_uint_eq(bench.database.notes.count("other"), 1);
    ck_assert(bench.effects.publications.empty());
    rollForward(bench, kNow + 200000);
    rollForward(bench, kNow + 200000);
    ck_assert_uint_eq(bench.database.notes.count("other"), 0);
}

// Nothing that was told at the first look is told again at the second.
START_TEST(onlyNewsIsToldAgain) {
    Bench bench(Kind::Plain);
    bench.run({startOf("ann", kPair, "1"), startOf("ann", kOther, "a")});
    bench.database.notes["dead"] = {"dead", {refOf(idOf(kPair)), refOf(idOf(kOther))}};
    rollForward(bench, kNow);
    ck_assert(lossFor(bench.effects, "bob") && lossFor(bench.effects, "cat"));
    bench.ask(readOf("cat", idOf(kOther)));
    rollForward(bench, kNow + 60000);
    ck_assert(!lossFor(bench.effects, "bob") && lossFor(bench.effects, "cat"));
}

START_TEST(theLivingSpeakForThemselves) {
    Bench bench(Kind::Plain);
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair, "1"));
    bench.database.notes["owner"] = {"owner", {refOf(id)}};
    bench.database.notes["owner/1"] = {"owner/1", {refOf(idOf(kOther))}};
    for (const uint64_t time : {kNow, kNow + 60000, kNow + 120000}) {
        rollForward(bench, time, {{"owner", Fate::Lives}});
        ck_assert(bench.effects.publications.empty());
        ck_assert_uint_eq(bench.database.notes.count("owner"), 1);
    }
    ck_assert_uint_eq(bench.database.notes.count("owner/1"), 0);  // nobody's own

    // It is stopped, goes on, stores, and dies before it has said so.
    rollForward(bench, kNow + 121000, {{"owner", Fate::Silent}});
    ck_assert(lossFor(bench.effects, "bob"));
    bench.database.append(refOf(id), "ann", "i:f");
    rollForward(bench, kNow + 122000, {{"owner", Fate::Silent}});
    ck_assert(bench.effects.publications.empty());
    rollForward(bench, kNow + 123000, {{"owner", Fate::Dead}});
    ck_assert(lossFor(bench.effects, "bob"));
    EXPECT_TEXT(bench.row(id, "bob"), "2 0 0 0 from another owner");
    rollForward(bench, kNow + 124000, {{"owner", Fate::Dead}});
    ck_assert(bench.effects.publications.empty());
    rollForward(bench, kNow + 183000, {{"owner", Fate::Dead}});
    ck_assert(bench.effects.publications.empty());
    rollForward(bench, kNow + 183000, {{"owner", Fate::Dead}});
    ck_assert_uint_eq(bench.database.notes.count("owner"), 0);
}

START_TEST(anOrderlyEnd) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        Bench bench(kind);
        bench.ask(startOf("ann", kPair, "1"));
        ck_assert_uint_eq(bench.database.notes.count("me"), 1);
        ck_assert(bench.writer->leave().ok());
        ck_assert(bench.database.notes.empty());
        // Not where something is left.
        bench.ask(sendOf("ann", idOf(kPair), "2"));
        bench.store.before("commit",
                           [&] { bench.store.failAt(1, Fault::UnknownDone); });
        ck_assert(bench.tryRun({sendOf("ann", idOf(kPair), "3")}).code() ==
                  Code::Internal);
        ck_assert(bench.writer->leave().ok());
        ck_assert_uint_eq(bench.database.notes.count("me"), 1);
    }
}

START_TEST(foreignNotesAndFaults) {
    for (size_t n = 1; n <= 6; ++n) {
        for (const Fault fault :
             {Fault::Definite, Fault::UnknownNot, Fault::UnknownDone}) {
            Bench bench(Kind::Plain);
            const std::string id = idOf(kPair);
            bench.ask(startOf("ann", kPair, "1"));
            bench.database.append(refOf(id), "ann", "i:f");
            bench.database.notes["dead"] = {"dead", {refOf(id)}};
            bench.store.calls.clear();
            bench.store.failAt(n, fault);
            bench.effects = Effects();
            ck_assert(
                bench.writer->rollForward(kNow, fatesOf({}), bench.effects).ok() ==
                (n > bench.store.calls.size()));
            const bool told = lossFor(bench.effects, "bob");
            bench.store.failAt(0, Fault::None, 0);
            rollForward(bench, kNow + 1);
            ck_assert(told != lossFor(bench.effects, "bob"));
            EXPECT_TEXT(bench.row(id, "bob"), "2 0 0 0 from another owner");
            ck_assert_uint_eq(bench.database.notes.count("dead"), 1);
            rollForward(bench, kNow + 60001);
            rollForward(bench, kNow + 60001);
            ck_assert_uint_eq(bench.database.notes.count("dead"), 0);
        }
    }
}

// A store that lost messages: read positions beyond them must not make numbers of
// wonder.
START_TEST(moreReadThanThereIs) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.run({startOf("ann", kPair, "1"), sendOf("ann", id, "2"), readOf("bob", id)});
    bench.database.messages[refOf(id)].erase(2);
    bench.restart();
    const Reply reply = bench.ask(readOf("bob", id));
    EXPECT_TEXT(at(reply.body, "unreadCount"), "0");
    EXPECT_TEXT(at(reply.body, "readSeq"), "1");
}

}  // namespace

Suite* redeliverySuite() {
    return suiteOf("redelivery",
                   {redeliveredAndStored, redeliveredWithoutMemberships,
                    redeliveredAndNotStored, redeliveredOpening, redeliveredRead,
                    redeliveredAmongNew, unsettledIsFinishedFirst, unsettledAgain,
                    foreignNotes, onlyNewsIsToldAgain, theLivingSpeakForThemselves,
                    anOrderlyEnd, foreignNotesAndFaults, moreReadThanThereIs});
}

}  // namespace messaging::unit
