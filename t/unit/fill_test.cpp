// What was written elsewhere: numbers, read marks, a second run, and a worker that
// writes meanwhile.
#include "worker/fill.hpp"

#include "t/unit/handler_fixture.hpp"

namespace messaging::unit {
namespace {

using Kind = MemoryStore::Kind;
using worker::Filler;
using worker::Opened;

const std::vector<std::string> kPair = {"ann", "bob"};

Conversation oldOf(const std::string& id) {
    Conversation old;
    old.site = "shop";
    old.id = id;
    old.members = kPair;
    old.starter = "ann";
    old.createdAt = 1000;
    return old;
}

Message oldMessage(const std::string& id, const std::string& sender, uint64_t at) {
    Message message;
    message.key = kOriginalKey + id;
    message.sender = sender;
    message.member = sender;
    message.content = "text " + id;
    message.createdAt = at;
    return message;
}

// One letter a message: its sender's, large where it is read. Its id is its place.
struct Run {
    Run(Bench& bench, const std::string& id, const std::string& letters,
        bool closed = false) {
        Filler filler(bench.store, "mover", false);
        Conversation wanted = oldOf(id);
        wanted.closed = closed;
        ck_assert(filler.look({wanted}).ok());
        opened = filler.open(0);
        for (size_t i = 0; i < letters.size(); ++i) {
            const char letter = letters[i];
            const bool read = letter < 'a';
            const auto added =
                filler.add(oldMessage("m" + std::to_string(i),
                                      (letter | 0x20) == 'a' ? "ann" : "bob", 2000 + i),
                           read);
            ck_assert_msg(added.ok(), "%s", added.status().detail().c_str());
            late += added->late ? 1 : 0;
            unkept += added->unkept ? 1 : 0;
        }
        ck_assert(filler.close().ok());
        const Status status = filler.flush();
        ck_assert_msg(status.ok(), "%s", status.detail().c_str());
        filled = filler.filled();
    }

    Opened opened = Opened::Ready;
    worker::Filled filled;
    int late = 0;
    int unkept = 0;
};

START_TEST(onceAndAgain) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        Bench bench(kind);
        Run run(bench, "old", "ABAbAB");
        ck_assert_uint_eq(run.filled.messages, 6);
        ck_assert_int_eq(run.unkept, 1);  // the last one, by ann
        EXPECT_TEXT(bench.row("old", "ann"), "6 3 3 2 text m5");
        EXPECT_TEXT(bench.row("old", "bob"), "6 3 6 3 text m5");
        EXPECT_TEXT(at(bench.ask(startOf("bob", kPair, "live")).body, "message.seq"),
                    "7");
        // By now ann had read the fourth there; two more came.
        run = Run(bench, "old", "ABABABba");
        ck_assert_uint_eq(run.filled.messages, 2);
        ck_assert_uint_eq(run.filled.known, 6);
        ck_assert_int_eq(run.late, 2);
        EXPECT_TEXT(bench.row("old", "ann"), "9 4 6 3 text m7");
        EXPECT_TEXT(bench.row("old", "bob"), "9 5 6 3 text m7");
        run = Run(bench, "old", "ABABABba");
        ck_assert_uint_eq(run.filled.messages, 0);
        ck_assert_uint_eq(run.filled.known, 8);
        ck_assert_int_eq(run.late, 0);
        bench.messages("old");  // complains about holes and wrong ordinals
        const auto drifts = worker::findDrift(bench.store, refOf("old"));
        ck_assert(drifts.ok() && drifts->empty());
    }
}

// Somebody else's message takes the number that we had in mind.
START_TEST(aWorkerWritesMeanwhile) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        Bench bench(kind);
        Run first(bench, "old", "AB");
        bench.store.before("insertMessages", [&] {
            if (bench.database.messages[refOf("old")].size() == 2) {
                bench.database.append(refOf("old"), "bob", "c:live");
            }
        });
        Run run(bench, "old", "ABABA");
        ck_assert_uint_eq(run.filled.messages, 3);
        EXPECT_TEXT(bench.messages("old"),
                    "1:text m0 2:text m1 3:from another owner 4:text m2 5:text m3 "
                    "6:text m4");
        EXPECT_TEXT(bench.row("old", "ann"), "6 3 2 1 text m4");
        EXPECT_TEXT(bench.row("old", "bob"), "6 3 2 1 text m4");
        run = Run(bench, "old", "ABABA");
        ck_assert_uint_eq(run.filled.messages, 0);
        ck_assert_uint_eq(run.filled.known, 5);
    }
}

START_TEST(whoHasTheAlias) {
    Bench bench;
    ck_assert(Run(bench, "old", "A").opened == Opened::Ready);
    ck_assert(Run(bench, "older", "A").opened == Opened::SecondOfThese);
    ck_assert(Run(bench, "old", "A").opened == Opened::Ready);
    EXPECT_TEXT(bench.database.conversations[refOf(idOf(kPair))].forward, "old");
    Bench anew;
    anew.ask(startOf("ann", kPair, "live"));
    ck_assert(Run(anew, "old", "A").opened == Opened::StartedAnew);
    ck_assert(!anew.database.conversations[refOf(idOf(kPair))].isAlias());
    EXPECT_TEXT(at(anew.ask(startOf("bob", kPair)).body, "conversation.id"),
                idOf(kPair));
}

START_TEST(closedOnce) {
    Bench bench;
    Run(bench, "old", "AB", true);
    const Conversation& stored = bench.database.conversations[refOf("old")];
    ck_assert(stored.closed);
    ck_assert_uint_eq(stored.closedSeq, 2);
    ck_assert_uint_eq(stored.rev, 1);
    bench.ask(changeOf("ann", "old", R"({"status":"open"})"));
    Run(bench, "old", "AB", true);
    ck_assert(!stored.closed);
}

// Without messages only who opened it lists it.
START_TEST(empty) {
    Bench bench;
    Run(bench, "old", "");
    EXPECT_TEXT(bench.row("old", "ann"), "0 0 0 0 ");
    EXPECT_TEXT(bench.row("old", "bob"), "none");
}

// A file gave bob another name; what he signs in with is the newer word.
START_TEST(namesBySignInWin) {
    Bench bench;
    const worker::FateOf lives = [](const std::string&) { return worker::Fate::Lives; };
    const auto nameOf = [&] { return bench.database.users[{"shop", "ann"}].name; };
    ck_assert(bench.writer->rollForward(kNow, lives, bench.effects).ok());
    bench.ask(startOf("ann", kPair, "1"));
    EXPECT_TEXT(nameOf(), "Name of ann");
    bench.database.users[{"shop", "ann"}].name = "of a file";
    bench.ask(sendOf("ann", idOf(kPair), "2"));
    EXPECT_TEXT(nameOf(), "of a file");  // not asked for at every message
    ck_assert(bench.writer->rollForward(kNow + 60000, lives, bench.effects).ok());
    bench.ask(sendOf("ann", idOf(kPair), "3"));
    EXPECT_TEXT(nameOf(), "Name of ann");
}

}  // namespace

Suite* fillSuite() {
    return suiteOf("fill", {onceAndAgain, aWorkerWritesMeanwhile, whoHasTheAlias,
                            closedOnce, empty, namesBySignInWin});
}

}  // namespace messaging::unit
