// The confirmation of a first message: once, whatever fails, whoever else writes, and
// found missing by whoever comes next.
#include <utility>

#include "t/unit/profile_fixture.hpp"

namespace messaging::unit {
namespace {

using Fault = MemoryStore::Fault;
using Kind = MemoryStore::Kind;

START_TEST(confirmation) {
    Bench bench;
    const Site site;
    const Reply reply = bench.ask(site.start());
    ck_assert_int_eq(reply.status, 201);
    EXPECT_TEXT(at(reply.body, "message.seq"), "1");
    EXPECT_TEXT(at(reply.body, "conversation.lastSeq"), "2");
    EXPECT_TEXT(at(reply.body, "conversation.unreadCount"), "1");
    EXPECT_TEXT(bench.messages(site.id), kBoth);
    const Message& sent = bench.database.messages[refOf(site.id)].at(2);
    EXPECT_TEXT(sent.sender, "bob");
    EXPECT_TEXT(sent.senderRole, "partner");
    EXPECT_TEXT(sent.type, "confirmation");
    EXPECT_TEXT(sent.key, "w:confirmation");
    EXPECT_TEXT(eventsFor(bench.effects, "ann"), "conversation message message unread");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "conversation message message unread");
    EXPECT_TEXT(at(eventFor(bench.effects, "bob", "unread"), "unreadCount"), "1");
    EXPECT_TEXT(bench.row(site.id, "bob").substr(0, 7), "2 1 0 0");

    // Never again: neither by a repeat, nor by whoever writes next.
    bench.ask(site.of(sendOf("ann", site.id, "more")));
    bench.ask(site.of(sendOf("bob", site.id, "yes"), "partner"));
    EXPECT_TEXT(bench.messages(site.id), std::string(kBoth) + " 3:more 4:yes");
}

START_TEST(confirmationFollowsInABatch) {
    Bench bench;
    const Site site;
    bench.run({site.start("c:1"), site.of(sendOf("ann", site.id, "2", "c:2")),
               site.start("c:1"), site.of(sendOf("bob", site.id, "3"), "partner")});
    ck_assert_uint_eq(bench.effects.replies.size(), 4);
    EXPECT_TEXT(bench.messages(site.id), std::string(kBoth) + " 3:2 4:3");
    EXPECT_TEXT(bench.row(site.id, "bob").substr(0, 3), "4 2");
}

START_TEST(noConfirmation) {
    const Site site;
    {  // nobody has that role
        Bench bench;
        bench.ask(site.of(startOf("ann", kPair, "hello")));
        EXPECT_TEXT(bench.messages(site.id), "1:hello");
    }
    {  // its own message is the first
        Bench bench;
        bench.ask(site.of(startOf("bob", kPair, "hello"), "partner"));
        EXPECT_TEXT(bench.messages(site.id), "1:hello");
    }
    {  // the canonical API has no rules
        Bench bench;
        bench.database.users[{"shop", "bob"}] = {"shop", "bob", "partner", "Bob"};
        bench.ask(startOf("ann", kPair, "hello"));
        EXPECT_TEXT(bench.messages(site.id), "1:hello");
    }
    {  // without a name its place is closed up; a role that was seen needs no hint
        Bench bench;
        bench.database.users[{"shop", "bob"}] = {"shop", "bob", "partner", "Bob"};
        Delivered entry = site.of(startOf("ann", kPair, "hello"));
        entry.command.who.name.clear();
        bench.ask(entry);
        EXPECT_TEXT(bench.messages(site.id), "1:hello 2:Thank you, we answer soon.");
    }
}

START_TEST(confirmationOfATeam) {
    Bench bench;
    const Site site;
    Conversation desk;
    desk.site = "shop";
    desk.id = "desk";
    desk.members = {"ann", "team:partner"};
    desk.starter = "ann";
    bench.database.conversations[refOf("desk")] = desk;
    bench.ask(site.of(sendOf("ann", "desk", "hello")));
    EXPECT_TEXT(bench.messages("desk"), kBoth);
    EXPECT_TEXT(bench.database.messages[refOf("desk")].at(2).member, "team:partner");
}

// A run that ended between the two, on a store without transactions.
START_TEST(confirmationIsCompleted) {
    for (const bool redelivered : {true, false}) {
        for (const bool later : {false, true}) {
            Bench bench;
            const Site site;
            Site silent;
            silent.profile.rules.confirmer.clear();
            // The first run, as far as it came: without the confirmation.
            const Delivered entry = site.start("c:1");
            Delivered first = entry;
            first.profile = std::make_shared<const Profile>(silent.profile);
            bench.ask(first);
            if (later) {
                bench.ask(silent.of(sendOf("bob", site.id, "quick"), "partner"));
            }
            bench.restart();
            ck_assert(bench.ask(redelivered ? again(entry, true) : entry).code ==
                      Code::Ok);
            const std::string all =
                later ? "1:hello 2:quick 3:Thank you Name of ann, we answer soon."
                      : kBoth;
            EXPECT_TEXT(bench.messages(site.id), all);
            EXPECT_TEXT(
                at(eventFor(bench.effects, "ann", "message", redelivered), "type"),
                "confirmation");
            // Found by whoever comes next, even if another member has the role now.
            bench.database.users[{"shop", "bob"}].role = "other";
            bench.restart();
            bench.ask(again(entry));
            bench.ask(entry);
            EXPECT_TEXT(bench.messages(site.id), all);
        }
    }
}

// Redis forgot the entry too, and its caller does not repeat it: the next message of
// that side finds the confirmation missing, whatever fails.
START_TEST(confirmationIsMadeUpFor) {
    Site silent;
    silent.profile.rules.confirmer.clear();
    const Site site;
    const std::string all = "1:hello 2:more 3:Thank you Name of ann, we answer soon.";
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        for (const bool restart : {true, false}) {
            for (const Fault fault : {Fault::None, Fault::Definite, Fault::UnknownNot,
                                      Fault::UnknownDone}) {
                for (size_t n = 1; n <= 16; ++n) {
                    Bench bench(kind);
                    bench.ask(silent.start("c:1"));
                    if (restart) {
                        bench.restart();
                    }
                    const Delivered entry = site.of(sendOf("ann", site.id, "more"));
                    bench.store.failAt(n, fault);
                    const Status status = bench.tryRun({entry});
                    bench.store.failAt(0, Fault::None, 0);
                    if (!status.ok()) {
                        const bool definite = status.code() == Code::StoreUnavailable;
                        bench.ask(definite ? entry : again(entry));
                    }
                    EXPECT_TEXT(bench.messages(site.id), all);
                    EXPECT_TEXT(bench.row(site.id, "ann").substr(0, 7), "3 2 0 0");
                    EXPECT_TEXT(bench.row(site.id, "bob").substr(0, 7), "3 1 0 0");
                    bench.ask(site.of(sendOf("ann", site.id, "on")));
                    bench.restart();
                    bench.ask(site.of(sendOf("ann", site.id, "on")));
                    EXPECT_TEXT(bench.messages(site.id), all + " 4:on 5:on");
                }
            }
        }
    }
}

START_TEST(confirmationIsMadeUpForOnce) {
    Site silent;
    silent.profile.rules.confirmer.clear();
    const Site site;
    const std::string thanks = "Thank you Name of ann, we answer soon.";
    {  // in a batch
        Bench bench;
        bench.ask(silent.start());
        bench.run({site.of(sendOf("ann", site.id, "a", "c:a")),
                   site.of(sendOf("ann", site.id, "b", "c:b")),
                   site.of(sendOf("ann", site.id, "a", "c:a"))});
        EXPECT_TEXT(bench.messages(site.id), "1:hello 2:a 3:" + thanks + " 4:b");
        EXPECT_TEXT(bench.row(site.id, "bob").substr(0, 3), "4 1");
    }
    {  // of a batch that comes again
        Bench bench;
        const Delivered a = site.of(sendOf("ann", site.id, "a", "c:a"));
        const Delivered b = site.of(sendOf("ann", site.id, "b", "c:b"));
        bench.ask(silent.start());
        bench.run({silent.of(a), silent.of(b)});
        bench.restart();
        bench.run({again(a), again(b)});
        EXPECT_TEXT(bench.messages(site.id), "1:hello 2:a 3:b 4:" + thanks);
        EXPECT_TEXT(eventsFor(bench.effects, "bob"), "message message message unread");
    }
    {  // another owner was quicker: with the confirmation, or an answer
        for (const char* key : {"w:confirmation", "c:answer"}) {
            Bench bench;
            bench.ask(silent.start());
            bool done = false;
            bench.store.before("insertMessages", [&] {
                if (!std::exchange(done, true)) {
                    bench.database.append(refOf(site.id), "bob", key);
                }
            });
            bench.run({site.of(sendOf("ann", site.id, "a"))});
            EXPECT_TEXT(bench.messages(site.id), "1:hello 2:from another owner 3:a");
        }
    }
    {  // who answered needs none
        Bench bench;
        bench.ask(silent.start());
        bench.ask(silent.of(sendOf("bob", site.id, "yes"), "partner"));
        bench.ask(site.of(sendOf("ann", site.id, "a")));
        EXPECT_TEXT(bench.messages(site.id), "1:hello 2:yes 3:a");
    }
    {  // though others are silent
        Bench bench;
        const std::string three = idOf({"ann", "bob", "cat"});
        StartArguments arguments{{"ann", "bob", "cat"}, "hello"};
        arguments.hints = {{"bob", "partner", "Bob"}};
        bench.ask(silent.of(startOf("ann", arguments)));
        bench.ask(silent.of(sendOf("bob", three, "yes"), "partner"));
        bench.database.users[{"shop", "bob"}].role = "partner";
        bench.ask(site.of(sendOf("ann", three, "a")));
        EXPECT_TEXT(bench.messages(three), "1:hello 2:yes 3:a");
    }
    {  // nor where another member, who had the role then, did it
        Bench bench;
        const std::string three = idOf({"ann", "bob", "cat"});
        StartArguments arguments{{"ann", "bob", "cat"}, "hello"};
        arguments.hints = {{"bob", "partner", "Bob"}};
        bench.ask(site.of(startOf("ann", arguments)));
        bench.database.users[{"shop", "bob"}].role = "other";
        bench.database.users[{"shop", "cat"}] = {"shop", "cat", "partner", "Cat"};
        bench.ask(site.of(sendOf("ann", three, "a")));
        EXPECT_TEXT(bench.messages(three), std::string(kBoth) + " 3:a");
    }
    {  // nor what was imported
        Bench bench;
        bench.ask(silent.start());
        bench.database.messages[refOf(site.id)].at(1).key = "o:1";
        bench.ask(site.of(sendOf("ann", site.id, "a")));
        EXPECT_TEXT(bench.messages(site.id), "1:hello 2:a");
    }
}

// Who sends on pays for none of it.
START_TEST(sendingOnReadsNothing) {
    const Site site;
    Site silent;
    silent.profile.rules.confirmer.clear();
    const auto sent = [](Bench& bench, const Delivered& entry) {
        bench.store.calls.clear();
        bench.ask(entry);
        std::string calls;
        for (const std::string& call : bench.store.calls) {
            calls += call + ' ';
        }
        return calls;
    };
    const std::string usual = "begin insertMessages raise commit ";
    {
        Bench bench;
        bench.ask(site.start());
        bench.ask(site.of(sendOf("ann", site.id, "more")));
        EXPECT_TEXT(sent(bench, site.of(sendOf("ann", site.id, "on"))), usual);
    }
    {  // nobody has said anything, but no profile confirms
        Bench bench;
        bench.ask(silent.start());
        bench.ask(silent.of(sendOf("ann", site.id, "more")));
        EXPECT_TEXT(sent(bench, silent.of(sendOf("ann", site.id, "on"))), usual);
    }
}

// Another owner's message takes the first number, or the second.
START_TEST(confirmationAgainstAnotherOwner) {
    for (const size_t taken : {1, 2}) {
        Bench bench;
        const Site site;
        MemoryStore other(bench.database);
        worker::Writer rival(other, "other");
        if (taken == 2) {
            Site silent;
            silent.profile.rules.confirmer.clear();
            Delivered first = site.start("c:1");
            first.profile = std::make_shared<const Profile>(silent.profile);
            bench.ask(first);
            bench.restart();
        }
        bool done = false;
        bench.store.before("insertMessages", [&] {
            if (!done) {
                done = true;
                bench.database.append(refOf(site.id), "bob", "c:rival");
            }
        });
        bench.run({site.start("c:1")});
        EXPECT_TEXT(bench.messages(site.id),
                    taken == 1 ? "1:from another owner 2:hello"
                               : "1:hello 2:from another owner "
                                 "3:Thank you Name of ann, we answer soon.");
    }
}

// Every call fails in every way; then it runs again, as the bus would have it.
START_TEST(confirmationWhateverFails) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        size_t calls = 0;
        {
            Bench bench(kind);
            bench.ask(Site().start("c:1"));
            calls = bench.store.calls.size();
        }
        for (size_t n = 1; n <= calls; ++n) {
            for (const Fault fault :
                 {Fault::Definite, Fault::UnknownNot, Fault::UnknownDone}) {
                for (const bool restart : {false, true}) {
                    Bench bench(kind);
                    const Site site;
                    const Delivered entry = site.start("c:1");
                    bench.store.failAt(n, fault);
                    const Status status = bench.tryRun({entry});
                    const std::string where = bench.store.calls[n - 1];
                    EXPECT_FOR(!status.ok(), where);
                    if (restart) {
                        bench.restart();
                    }
                    const bool definite = status.code() == Code::StoreUnavailable;
                    ck_assert(bench.ask(definite ? entry : again(entry)).code ==
                              Code::Ok);
                    EXPECT_TEXT(bench.messages(site.id), kBoth);
                    EXPECT_TEXT(bench.row(site.id, "ann").substr(0, 7), "2 1 0 0");
                    EXPECT_TEXT(bench.row(site.id, "bob").substr(0, 7), "2 1 0 0");
                    EXPECT_TEXT(bench.database.users.at({"shop", "bob"}).role,
                                "partner");
                }
            }
        }
    }
}

}  // namespace

Suite* profile_confirmSuite() {
    return suiteOf(
        "profile_confirm",
        {confirmation, confirmationFollowsInABatch, noConfirmation, confirmationOfATeam,
         confirmationIsCompleted, confirmationIsMadeUpFor, confirmationIsMadeUpForOnce,
         sendingOnReadsNothing, confirmationAgainstAnotherOwner,
         confirmationWhateverFails});
}

}  // namespace messaging::unit
