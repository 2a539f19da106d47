// Memberships recomputed from messages: what is wrong is found, what is right is left
// alone, and a message that comes meanwhile is no drift.
#include "t/unit/handler_fixture.hpp"
#include "worker/drift.hpp"

namespace messaging::unit {
namespace {

const std::vector<std::string> kThree = {"ann", "bob", "cat"};

struct Checked : Bench {
    Checked() {
        run({startOf("ann", kThree, "1"), sendOf("bob", id, "2"),
             sendOf("ann", id, "3"), sendOf("bob", id, "4"), readOf("bob", id, 3),
             readOf("ann", id)});
    }
    std::vector<worker::Drift> find() {
        auto drifts = worker::findDrift(store, refOf(id));
        ck_assert(drifts.ok());
        return std::move(drifts.value());
    }
    Membership& at(const std::string& member) {
        return database.memberships[refOf(id)].at(member);
    }
    void repair() {
        for (const worker::Drift& drift : find()) {
            const auto done = store.exchange(drift.found, drift.right);
            ck_assert(done.ok() && done.value());
        }
    }

    const std::string id = idOf(kThree);
};

START_TEST(none) {
    Checked checked;
    ck_assert(checked.find().empty());
    const auto absent = worker::findDrift(checked.store, refOf("nowhere"));
    ck_assert(absent.ok() && absent->empty());
}

START_TEST(eachNumber) {
    for (int which = 0; which < 6; ++which) {
        Checked checked;
        const Membership right = checked.at("bob");
        Membership& wrong = checked.at("bob");
        switch (which) {
            case 0:
                wrong.lastSeq = 5;
                break;
            case 1:
                wrong.sent = 3;
                break;
            case 2:
                wrong.readSent = 0;
                break;
            case 3:
                wrong.activity += 1;
                break;
            case 4:
                wrong.preview.content = "?";
                break;
            default:
                wrong.preview.seq = 3;
                break;
        }
        const auto drifts = checked.find();
        ck_assert_uint_eq(drifts.size(), 1);
        ck_assert(drifts[0].found && worker::same(*drifts[0].found, wrong));
        ck_assert(worker::same(drifts[0].right, right));
        EXPECT_TEXT(drifts[0].right.member, "bob");
        EXPECT_TEXT(drifts[0].right.conversation, checked.id);
        EXPECT_TEXT(drifts[0].right.site, "shop");
        checked.repair();
        ck_assert(checked.find().empty());
    }
}

// A read position is nobody's to recompute, but it cannot lie beyond the last message.
START_TEST(readPosition) {
    Checked checked;
    checked.at("bob").readSeq = 2;
    auto drifts = checked.find();
    ck_assert_uint_eq(drifts.size(), 0);  // 2 is bob's: readSent stays 1
    checked.at("bob").readSeq = 1;
    drifts = checked.find();
    ck_assert_uint_eq(drifts.size(), 1);
    ck_assert_uint_eq(drifts[0].right.readSeq, 1);
    ck_assert_uint_eq(drifts[0].right.readSent, 0);
    checked.at("bob").readSeq = 9;
    drifts = checked.find();
    ck_assert_uint_eq(drifts[0].right.readSeq, 4);
    ck_assert_uint_eq(drifts[0].right.readSent, 2);
    ck_assert_uint_eq(drifts[0].right.unread(), 0);
}

START_TEST(missing) {
    Checked checked;
    checked.database.memberships[refOf(checked.id)].erase("cat");
    checked.database.memberships[refOf(checked.id)].erase("bob");
    const auto drifts = checked.find();
    ck_assert_uint_eq(drifts.size(), 2);
    for (const worker::Drift& drift : drifts) {
        ck_assert(!drift.found);
        ck_assert_uint_eq(drift.right.lastSeq, 4);
        ck_assert_uint_eq(drift.right.readSeq, 0);
        EXPECT_TEXT(drift.right.preview.content, "4");
    }
    checked.repair();
    ck_assert(checked.find().empty());
    EXPECT_TEXT(checked.row(checked.id, "bob"), "4 2 0 0 4");
}

START_TEST(beforeTheFirstMessage) {
    Bench bench;
    const std::string id = idOf({"ann", "bob"});
    bench.ask(startOf("ann", {"ann", "bob"}));
    auto drifts = worker::findDrift(bench.store, refOf(id));
    ck_assert(drifts.ok() && drifts->empty());
    Membership& row = bench.database.memberships[refOf(id)].at("ann");
    row.lastSeq = 1;
    drifts = worker::findDrift(bench.store, refOf(id));
    ck_assert_uint_eq(drifts->size(), 1);
    ck_assert_uint_eq(drifts.value()[0].right.lastSeq, 0);
    ck_assert_uint_eq(drifts.value()[0].right.activity, kNow);
}

// A message that is stored between the two halves of load() belongs to the next look.
START_TEST(messageMeanwhile) {
    Checked checked;
    bool once = true;
    checked.store.before("load between", [&] {
        if (std::exchange(once, false)) {
            checked.database.append(refOf(checked.id), "bob", "i:f");
        }
    });
    ck_assert(checked.find().empty());
    ck_assert(!once);
    ck_assert_uint_eq(checked.find().size(), 3);
}

START_TEST(faults) {
    Checked checked;
    checked.store.calls.clear();
    checked.find();
    const size_t calls = checked.store.calls.size();
    ck_assert_uint_ge(calls, 2);
    for (size_t n = 1; n <= calls; ++n) {
        checked.store.failAt(n, MemoryStore::Fault::Definite);
        ck_assert(!worker::findDrift(checked.store, refOf(checked.id)).ok());
    }
    ck_assert_uint_eq(checked.store.count("begin"), 0);
}

}  // namespace

Suite* driftSuite() {
    return suiteOf("drift", {none, eachNumber, readPosition, missing,
                             beforeTheFirstMessage, messageMeanwhile, faults});
}

}  // namespace messaging::unit
