// A profile's rules and words, in the worker: who may; reopening; hints; a profile that
// Redis has lost.
#include "schema/problem.hpp"
#include "t/unit/profile_fixture.hpp"

namespace messaging::unit {
namespace {

using Fault = MemoryStore::Fault;
using Kind = MemoryStore::Kind;

// --- Who may

START_TEST(openers) {
    Bench bench;
    Site site;
    site.profile.rules.openers = {"client", "guest"};
    const Reply refused = bench.ask(site.of(startOf("bob", kPair, "hi"), "partner"));
    ck_assert(refused.code == Code::ForbiddenRole);
    ck_assert_int_eq(refused.status, 403);
    ck_assert(bench.database.conversations.empty());
    ck_assert_int_eq(bench.ask(site.start()).status, 201);
    // What is open is for its members.
    ck_assert_int_eq(bench.ask(site.of(startOf("bob", kPair, "hi"), "partner")).status,
                     200);
}

START_TEST(contentRequired) {
    Bench bench;
    Site site;
    site.profile.rules.contentRequired = true;
    const Reply refused = bench.ask(site.of(startOf("ann", kPair)));
    ck_assert(refused.code == Code::MissingField);
    EXPECT_TEXT(refused.field, "content");
    ck_assert(bench.database.conversations.empty());
}

START_TEST(knownOnly) {
    Bench bench;
    Site site;
    site.profile.rules.knownOnly = true;
    const Reply refused = bench.ask(site.start());  // a hint is nobody
    ck_assert(refused.code == Code::InvalidField);
    EXPECT_TEXT(refused.field, "members");
    ck_assert(bench.database.conversations.empty());
    bench.writer->learn({"shop", "bob", "partner", "Bob"});
    ck_assert_int_eq(bench.ask(site.start()).status, 201);
    bench.restart();
    ck_assert_int_eq(bench.ask(site.start()).status, 200);
}

START_TEST(changers) {
    Bench bench;
    Site site;
    site.profile.rules.changers = {"partner"};
    bench.ask(site.start());
    for (const char* body : {"{\"status\":\"closed\"}", "{\"subject\":\"x\"}",
                             "{\"archived\":true,\"status\":\"open\"}"}) {
        ck_assert(bench.ask(site.of(changeOf("ann", site.id, body))).code ==
                  Code::ForbiddenRole);
    }
    ck_assert(
        bench.ask(site.of(changeOf("ann", site.id, "{\"archived\":true}"))).code ==
        Code::Ok);
    ck_assert(bench
                  .ask(site.of(changeOf("bob", site.id, "{\"status\":\"closed\"}"),
                               "partner"))
                  .code == Code::Ok);
    // To others it does not exist, whatever their role.
    ck_assert(
        bench.ask(site.of(changeOf("eve", site.id, "{\"status\":\"open\"}"))).code ==
        Code::NotFound);
}

// --- Reopening

std::string statusOf(Bench& bench, const std::string& id) {
    const Conversation& conversation = bench.database.conversations.at(refOf(id));
    std::string all = conversation.closed ? "closed" : "open";
    for (const auto& [member, row] : bench.database.memberships[refOf(id)]) {
        all += row.closed == conversation.closed && row.rev == conversation.rev
                   ? ""
                   : " but not for " + member;
    }
    return all;
}

START_TEST(reopens) {
    Bench bench;
    Site site;
    site.profile.rules.reopens = true;
    const std::string close = "{\"status\":\"closed\"}";
    bench.ask(site.start());
    bench.ask(site.of(changeOf("bob", site.id, close)));
    EXPECT_TEXT(statusOf(bench, site.id), "closed");
    // The canonical API leaves it closed.
    bench.ask(sendOf("ann", site.id, "canonical"));
    EXPECT_TEXT(statusOf(bench, site.id), "closed");
    const Delivered question = site.of(sendOf("ann", site.id, "again?", "c:q"));
    bench.ask(question);
    EXPECT_TEXT(statusOf(bench, site.id), "open");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "conversation message unread");
    EXPECT_TEXT(at(eventFor(bench.effects, "bob", "conversation"), "status"), "open");
    // Closed after it, it stays so when the message comes again.
    bench.ask(site.of(changeOf("bob", site.id, close)));
    bench.ask(question);
    bench.ask(again(question));
    EXPECT_TEXT(statusOf(bench, site.id), "closed");
    // In a batch each has its turn.
    bench.run({site.of(sendOf("ann", site.id, "a")),
               site.of(changeOf("bob", site.id, close)),
               site.of(sendOf("ann", site.id, "b"))});
    EXPECT_TEXT(statusOf(bench, site.id), "open");
    bench.run({site.of(sendOf("ann", site.id, "c")),
               site.of(changeOf("bob", site.id, close))});
    EXPECT_TEXT(statusOf(bench, site.id), "closed");
}

// The run that stored the message ended there, and nobody asks for it again: the next
// message finds the conversation closed, and opens it.
START_TEST(reopeningIsMadeUpFor) {
    Site site;
    Site silent;
    site.profile.rules.reopens = true;
    for (const bool same : {true, false}) {
        Bench bench(Kind::Plain);
        bench.ask(site.start());
        bench.ask(site.of(changeOf("bob", site.id, "{\"status\":\"closed\"}")));
        bench.ask(silent.of(sendOf("ann", site.id, "lost")));
        bench.restart();
        EXPECT_TEXT(statusOf(bench, site.id), "closed");
        const Delivered next = same ? site.of(sendOf("ann", site.id, "there?"))
                                    : site.of(sendOf("bob", site.id, "yes"), "partner");
        bench.ask(next);
        EXPECT_TEXT(statusOf(bench, site.id), "open");
        EXPECT_TEXT(at(eventFor(bench.effects, "ann", "conversation"), "status"),
                    "open");
    }
}

START_TEST(reopensWhateverFails) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        for (size_t n = 1; n <= 10; ++n) {
            for (const Fault fault : {Fault::UnknownNot, Fault::UnknownDone}) {
                Bench bench(kind);
                Site site;
                site.profile.rules.reopens = true;
                bench.ask(site.start());
                bench.ask(site.of(changeOf("bob", site.id, "{\"status\":\"closed\"}")));
                const Delivered entry = site.of(sendOf("ann", site.id, "x", "c:x"));
                bench.store.calls.clear();
                bench.store.failAt(n, fault);
                const Status status = bench.tryRun({entry});
                bench.store.failAt(0, Fault::None, 0);
                if (!status.ok()) {
                    bench.restart();
                    bench.ask(again(entry));
                    EXPECT_TEXT(
                        at(eventFor(bench.effects, "bob", "conversation"), "status"),
                        "open");
                }
                EXPECT_TEXT(statusOf(bench, site.id), "open");
                EXPECT_TEXT(bench.messages(site.id), std::string(kBoth) + " 3:x");
            }
        }
    }
}

// --- Hints and extras

START_TEST(hints) {
    Bench bench;
    const Site site;
    bench.ask(site.start());
    EXPECT_TEXT(at(bench.reply(0).body, "conversation.members.1.name"), "Bob");
    EXPECT_TEXT(at(bench.reply(0).body, "conversation.members.1.role"), "partner");
    // A sign-in overwrites it, and is not overwritten.
    bench.ask(site.of(sendOf("bob", site.id, "me"), "owner"));
    EXPECT_TEXT(bench.database.users.at({"shop", "bob"}).name, "Name of bob");
    bench.restart();
    bench.ask(site.start());
    EXPECT_TEXT(bench.database.users.at({"shop", "bob"}).name, "Name of bob");
    EXPECT_TEXT(at(bench.reply(0).body, "conversation.members.1.role"), "owner");
    // Nobody else gives any.
    Delivered plain = site.start();
    plain.command.profile.clear();
    plain.profile = nullptr;
    const Reply refused = bench.ask(plain);
    ck_assert(refused.code == Code::UnknownField);
    EXPECT_TEXT(refused.field, "hints");
}

START_TEST(firstMessageCarries) {
    Bench bench;
    StartArguments arguments{kPair, "for when?"};
    arguments.message.context = {"appointment", "a1"};
    arguments.message.type = "question";
    arguments.message.data = "{\"day\":3}";
    const Reply reply = bench.ask(startOf("ann", arguments));
    EXPECT_TEXT(at(reply.body, "message.context.id"), "a1");
    EXPECT_TEXT(at(reply.body, "message.type"), "question");
    EXPECT_TEXT(at(reply.body, "message.data.day"), "3");
    EXPECT_TEXT(at(reply.body, "conversation.context"), "null");
}

// --- Words

START_TEST(wording) {
    Bench bench;
    Site site;
    site.profile.conversation.all = false;
    site.profile.conversation.fields = {
        {"id", "id"}, {"partnerId", "member.partner"}, {"messages", "messages"}};
    site.profile.message.all = false;
    site.profile.message.fields = {{"text", "content"}, {"read", "read"}};
    site.profile.answers = {Envelope::Conversation};
    Reply reply = bench.ask(site.of(site.start(), "client", ":0"));
    EXPECT_TEXT(at(reply.body, "partnerId"), "bob");
    EXPECT_TEXT(at(reply.body, "messages.0.text"),
                "Thank you Name of ann, we answer soon.");
    // By memory, and from the store.
    for (const bool restart : {false, true}) {
        if (restart) {
            bench.restart();
        }
        reply = bench.ask(
            site.of(changeOf("bob", site.id, "{\"archived\":true}"), "partner"));
        EXPECT_TEXT(at(reply.body, "messages.0.text"),
                    "Thank you Name of ann, we answer soon.");
        EXPECT_TEXT(at(reply.body, "archived"), "-");
    }
    reply = bench.ask(site.of(sendOf("ann", site.id, "fine")));
    EXPECT_TEXT(reply.body, "{\"text\":\"fine\",\"read\":false}");
    // Events stay ours.
    EXPECT_TEXT(at(eventFor(bench.effects, "bob", "message"), "content"), "fine");
}

// --- A profile that Redis has lost

START_TEST(unknownProfile) {
    Bench bench;
    const Site site;
    const Reply reply = bench.ask(site.lost(site.start()));
    ck_assert(reply.code == Code::ProfileUnknown);
    ck_assert_int_eq(reply.status, 503);
    ck_assert(bench.database.conversations.empty());
    ck_assert_uint_eq(bench.store.calls.size(), 0);
}

START_TEST(unknownProfileOfARedelivery) {
    Bench bench;
    const Site site;
    const Delivered entry = site.start("c:1");
    // Not stored by an earlier run: it is not now, and nobody is told that it surely
    // was not.
    Reply reply = bench.ask(again(site.lost(entry)));
    ck_assert(reply.code == Code::Internal);
    ck_assert(bench.database.conversations.empty());
    bench.run({again(site.lost(entry), true)});
    ck_assert(bench.effects.replies.empty());

    // Stored: what is left of it is done.
    bench.ask(entry);
    bench.database.memberships.clear();
    bench.restart();
    reply = bench.ask(again(site.lost(entry)));
    ck_assert(reply.code == Code::Internal);
    EXPECT_TEXT(bench.messages(site.id), kBoth);
    EXPECT_TEXT(bench.row(site.id, "bob").substr(0, 7), "2 1 0 0");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "conversation message unread");

    const Delivered send = site.of(sendOf("ann", site.id, "x", "c:x"));
    ck_assert(bench.ask(again(site.lost(send))).code == Code::Internal);
    const Delivered change = site.of(changeOf("ann", site.id, "{\"archived\":true}"));
    ck_assert(bench.ask(again(site.lost(change))).code == Code::Internal);
    EXPECT_TEXT(bench.messages(site.id), kBoth);
    ck_assert_uint_eq(bench.database.conversations.at(refOf(site.id)).rev, 0);
    ck_assert(bench.ask(send).code == Code::Ok);  // the repeat
}

}  // namespace

Suite* profile_rulesSuite() {
    return suiteOf(
        "profile_rules",
        {openers, contentRequired, knownOnly, changers, reopens, reopeningIsMadeUpFor,
         reopensWhateverFails, hints, firstMessageCarries, wording, unknownProfile,
         unknownProfileOfARedelivery});
}

}  // namespace messaging::unit
