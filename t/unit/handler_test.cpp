// The rules of writing, one by one, where the store does what it is asked: what is
// answered, what is stored, who is told what. When it fails: recovery_test.cpp.
#include "worker/handler.hpp"

#include "t/unit/handler_fixture.hpp"

namespace messaging::unit {
namespace {

const std::vector<std::string> kPair = {"ann", "bob"};
const std::vector<std::string> kThree = {"ann", "bob", "cat"};

// --- Opening

START_TEST(startWithContent) {
    Bench bench;
    const std::string id = idOf(kPair);
    const Reply reply = bench.ask(startOf("ann", kPair, "hello"));
    ck_assert_int_eq(reply.status, 201);
    EXPECT_TEXT(at(reply.body, "conversation.id"), id);
    EXPECT_TEXT(at(reply.body, "conversation.lastSeq"), "1");
    EXPECT_TEXT(at(reply.body, "conversation.unreadCount"), "0");
    EXPECT_TEXT(at(reply.body, "conversation.lastMessage.content"), "hello");
    EXPECT_TEXT(at(reply.body, "conversation.members.0.name"), "Name of ann");
    EXPECT_TEXT(at(reply.body, "conversation.members.1.name"), "null");
    EXPECT_TEXT(at(reply.body, "message.seq"), "1");
    EXPECT_TEXT(at(reply.body, "message.content"), "hello");
    EXPECT_TEXT(at(reply.body, "message.read"), "false");
    EXPECT_TEXT(bench.messages(id), "1:hello");
    EXPECT_TEXT(bench.row(id, "ann"), "1 1 0 0 hello");
    EXPECT_TEXT(bench.row(id, "bob"), "1 0 0 0 hello");
    EXPECT_TEXT(eventsFor(bench.effects, "ann"), "conversation message");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "conversation message unread");
    const std::string seen = eventFor(bench.effects, "bob", "conversation");
    EXPECT_TEXT(at(seen, "unreadCount"), "1");
    EXPECT_TEXT(at(eventFor(bench.effects, "bob", "unread"), "unreadCount"), "1");
    EXPECT_TEXT(at(eventFor(bench.effects, "bob", "unread"), "lastSeq"), "1");
    const User& stored = bench.database.users.at({"shop", "ann"});
    EXPECT_TEXT(stored.name, "Name of ann");
}

START_TEST(startWithoutContent) {
    Bench bench;
    const std::string id = idOf(kPair);
    const Reply reply = bench.ask(startOf("ann", kPair));
    ck_assert_int_eq(reply.status, 201);
    EXPECT_TEXT(at(reply.body, "message"), "null");
    EXPECT_TEXT(at(reply.body, "conversation.lastSeq"), "0");
    EXPECT_TEXT(bench.row(id, "ann"), "0 0 0 0 ");
    EXPECT_TEXT(bench.row(id, "bob"), "none");
    ck_assert_uint_eq(bench.database.memberships[refOf(id)].at("ann").activity, kNow);
    EXPECT_TEXT(eventsFor(bench.effects, "ann"), "conversation");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "");

    // The other member meets the same conversation, and still does not list it.
    const Reply other = bench.ask(startOf("bob", kPair));
    ck_assert_int_eq(other.status, 200);
    EXPECT_TEXT(at(other.body, "conversation.id"), id);
    EXPECT_TEXT(bench.row(id, "bob"), "none");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "");
    ck_assert_uint_eq(bench.database.conversations.size(), 1);
    EXPECT_TEXT(bench.database.conversations.at(refOf(id)).starter, "ann");

    // With the first message it becomes everybody's.
    ck_assert_int_eq(bench.ask(sendOf("bob", id, "hi")).status, 201);
    EXPECT_TEXT(eventsFor(bench.effects, "ann"), "conversation message unread");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "conversation message");
    EXPECT_TEXT(at(eventFor(bench.effects, "ann", "conversation"), "members.1.name"),
                "Name of bob");
    EXPECT_TEXT(bench.row(id, "ann"), "1 0 0 0 hi");
    EXPECT_TEXT(bench.row(id, "bob"), "1 1 0 0 hi");
}

START_TEST(startAgain) {
    Bench bench;
    bench.ask(startOf("ann", kPair));
    Reply reply = bench.ask(startOf("ann", kPair));
    ck_assert_int_eq(reply.status, 200);
    ck_assert_uint_eq(bench.effects.publications.size(), 0);

    // By another member with a message: 200, for the conversation is not new.
    reply = bench.ask(startOf("bob", kPair, "hey", "c:k"));
    ck_assert_int_eq(reply.status, 200);
    EXPECT_TEXT(at(reply.body, "message.seq"), "1");
    // The same key: the same message; another content: refused.
    reply = bench.ask(startOf("bob", kPair, "hey", "c:k"));
    ck_assert_int_eq(reply.status, 200);
    EXPECT_TEXT(at(reply.body, "message.seq"), "1");
    ck_assert(bench.ask(startOf("bob", kPair, "other", "c:k")).code == Code::KeyReused);
    // A key stands for one operation.
    ck_assert(bench.ask(sendOf("bob", idOf(kPair), "hey", "c:k")).code ==
              Code::KeyReused);
    EXPECT_TEXT(bench.messages(idOf(kPair)), "1:hey");
}

START_TEST(startChecks) {
    Bench bench;
    Delivered entry = startOf("ann", kPair, "hello");
    entry.command.conversation = idOf(kThree);
    Reply reply = bench.ask(entry);
    ck_assert(reply.code == Code::InvalidField);
    ck_assert_int_eq(reply.status, 400);
    EXPECT_TEXT(reply.field, "members");

    entry = startOf("ann", kPair, "hello");
    entry.command.who.site = "elsewhere";  // whose conversation of these has another id
    ck_assert(bench.ask(entry).code == Code::InvalidField);

    entry = startOf("cat", kPair, "hello");  // not in it: would make it one of three
    ck_assert(bench.ask(entry).code == Code::InvalidField);

    entry = startOf("ann", kPair, "hello");
    entry.command.body = "{\"members\":[\"bob\"],\"title\":\"?\"}";
    reply = bench.ask(entry);
    ck_assert(reply.code == Code::UnknownField);
    EXPECT_TEXT(reply.field, "title");

    ck_assert(bench.ask(startOf("ann", {"ann"}, "hello")).code == Code::InvalidField);
    ck_assert(bench.database.conversations.empty());
    ck_assert_uint_eq(bench.store.count("begin"), 0);
}

START_TEST(startTwiceInABatch) {
    Bench bench;
    bench.run({startOf("ann", kPair), startOf("bob", kPair, "hey"),
               startOf("ann", kPair, "hello")});
    ck_assert_int_eq(bench.reply(0).status, 201);
    EXPECT_TEXT(at(bench.reply(0).body, "conversation.lastSeq"), "0");
    ck_assert_int_eq(bench.reply(1).status, 200);
    EXPECT_TEXT(at(bench.reply(1).body, "conversation.lastSeq"), "1");
    EXPECT_TEXT(at(bench.reply(1).body, "conversation.lastMessage.content"), "hey");
    ck_assert_int_eq(bench.reply(2).status, 200);
    EXPECT_TEXT(bench.messages(idOf(kPair)), "1:hey 2:hello");
    EXPECT_TEXT(bench.database.conversations.at(refOf(idOf(kPair))).starter, "ann");
}

// --- Sending

// Each context is another conversation; who comes later finds it as it was opened.
START_TEST(startInContext) {
    Bench bench;
    StartArguments about{kPair, "is it there?"};
    about.subject = "Bicycle";
    about.context = {"product", "7"};
    const Reply first = bench.ask(startOf("ann", about));
    ck_assert_int_eq(first.status, 201);
    EXPECT_TEXT(at(first.body, "conversation.kind"), "direct");
    EXPECT_TEXT(at(first.body, "conversation.subject"), "Bicycle");
    EXPECT_TEXT(at(first.body, "conversation.context.id"), "7");
    EXPECT_TEXT(at(eventFor(bench.effects, "bob", "conversation"), "subject"),
                "Bicycle");
    about.subject = "Another";
    about.content.reset();
    const Reply second = bench.ask(startOf("bob", about));
    ck_assert_int_eq(second.status, 200);
    EXPECT_TEXT(at(second.body, "conversation.subject"), "Bicycle");
    about.context.id = "8";
    ck_assert_int_eq(bench.ask(startOf("bob", about)).status, 201);
    ck_assert_int_eq(bench.ask(startOf("bob", kPair)).status, 201);
    ck_assert_uint_eq(bench.database.conversations.size(), 3);
}

// A ticket is found by its key only, and by who opened it.
START_TEST(tickets) {
    Bench bench;
    StartArguments wanted{kPair, {}};
    wanted.ticket = true;
    const Reply first = bench.ask(startOf("ann", wanted, "c:1"));
    ck_assert_int_eq(first.status, 201);
    EXPECT_TEXT(at(first.body, "conversation.kind"), "ticket");
    const std::string id = at(first.body, "conversation.id");
    EXPECT_TEXT(id, ticketId("shop", "ann", "c:1"));
    ck_assert_int_eq(bench.ask(startOf("ann", wanted, "c:1")).status, 200);
    ck_assert_int_eq(bench.ask(startOf("ann", wanted, "c:2")).status, 201);
    ck_assert_int_eq(bench.ask(startOf("bob", wanted, "c:1")).status, 201);
    ck_assert_uint_eq(bench.database.conversations.size(), 3);
    ck_assert_int_eq(bench.ask(sendOf("bob", id, "yes?")).status, 201);

    StartArguments other = wanted;
    other.members = {"ann", "eve"};
    ck_assert(bench.ask(startOf("ann", other, "c:1")).code == Code::KeyReused);
    other = wanted;
    other.context = {"product", "7"};
    ck_assert(bench.ask(startOf("ann", other, "c:1")).code == Code::KeyReused);

    // Its id must be the one that follows from the key.
    Delivered forged = startOf("ann", wanted, "c:1");
    forged.command.key = "c:9";
    ck_assert(bench.ask(forged).code == Code::InvalidField);
    wanted.content = "help";
    const Delivered help = startOf("ann", wanted, "c:3");
    ck_assert_int_eq(bench.ask(help).status, 201);
    EXPECT_TEXT(at(bench.ask(again(help)).body, "message.seq"), "1");
    wanted.subject = "Help";
    ck_assert(bench.ask(startOf("ann", wanted, "c:3")).code == Code::KeyReused);
}

// Part of what a repeat must say again.
START_TEST(messageExtras) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.run({startOf("ann", kPair)});
    SendArguments offer{"five?"};
    offer.context = {"appointment", "9"};
    offer.type = "offer";
    offer.data = "{\"price\":5}";
    const auto sent = [&] {
        return entryOf(Operation::Send, "ann", id, encode(offer), "c:o");
    };
    const Reply reply = bench.ask(sent());
    ck_assert_int_eq(reply.status, 201);
    EXPECT_TEXT(at(reply.body, "data.price"), "5");
    EXPECT_TEXT(at(eventFor(bench.effects, "bob", "message"), "context.id"), "9");
    EXPECT_TEXT(at(eventFor(bench.effects, "bob", "message"), "type"), "offer");
    EXPECT_TEXT(at(bench.ask(sent()).body, "data.price"), "5");
    offer.data = "{\"price\":6}";
    ck_assert(bench.ask(sent()).code == Code::KeyReused);
    offer = SendArguments{"five?"};
    ck_assert(bench.ask(sent()).code == Code::KeyReused);
}

START_TEST(send) {
    Bench bench;
    const std::string id = idOf(kThree);
    bench.ask(startOf("ann", kThree, "one"));
    const Reply reply = bench.ask(sendOf("bob", id, "  two  "));
    ck_assert_int_eq(reply.status, 201);
    EXPECT_TEXT(at(reply.body, "id"), id + ".2");
    EXPECT_TEXT(at(reply.body, "content"), "two");
    EXPECT_TEXT(at(reply.body, "senderId"), "bob");
    EXPECT_TEXT(at(reply.body, "senderRole"), "user");
    EXPECT_TEXT(at(reply.body, "createdAt"), "2023-11-14T22:13:20.000Z");
    EXPECT_TEXT(eventsFor(bench.effects, "ann"), "message unread");
    EXPECT_TEXT(eventsFor(bench.effects, "bob"), "message");
    EXPECT_TEXT(eventsFor(bench.effects, "cat"), "message unread");
    EXPECT_TEXT(eventFor(bench.effects, "cat", "message"), reply.body);
    // The sender's own read state is as it was: "one" is unread.
    EXPECT_TEXT(bench.row(id, "bob"), "2 1 0 0 two");
    EXPECT_TEXT(bench.row(id, "ann"), "2 1 0 0 two");
    EXPECT_TEXT(bench.row(id, "cat"), "2 0 0 0 two");
    EXPECT_TEXT(at(eventFor(bench.effects, "cat", "unread"), "unreadCount"), "2");
    EXPECT_TEXT(at(eventFor(bench.effects, "ann", "unread"), "unreadCount"), "1");
}

START_TEST(sendToWhatIsNotYours) {
    Bench bench;
    bench.ask(startOf("ann", kPair, "one"));
    bench.store.calls.clear();
    const Reply absent = bench.ask(sendOf("cat", "nowhere", "x"));
    const Reply stranger = bench.ask(sendOf("cat", idOf(kPair), "x"));
    ck_assert(absent.code == Code::NotFound && stranger.code == Code::NotFound);
    ck_assert_int_eq(absent.status, 404);
    ck_assert_int_eq(stranger.status, 404);
    EXPECT_TEXT(absent.field, stranger.field);
    Delivered elsewhere = sendOf("ann", idOf(kPair), "x");
    elsewhere.command.who.site = "elsewhere";
    ck_assert(bench.ask(elsewhere).code == Code::NotFound);
    ck_assert_uint_eq(bench.store.count("begin"), 0);
    ck_assert_uint_eq(bench.effects.publications.size(), 0);
    ck_assert_uint_eq(bench.database.users.count({"shop", "cat"}), 0);
}

START_TEST(sendChecks) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair, "one"));
    Delivered entry = sendOf("ann", id, "x");
    entry.command.body = "{\"content\":\"   \"}";
    Reply reply = bench.ask(entry);
    ck_assert(reply.code == Code::InvalidField);
    EXPECT_TEXT(reply.field, "content");
    entry.command.body = "nonsense";
    ck_assert(bench.ask(entry).code == Code::InvalidJson);
    for (const char* key : {"", "c:", "k", "x:k", "ck"}) {
        entry = sendOf("ann", id, "x");
        entry.command.key = key;
        EXPECT_FOR(bench.ask(entry).code == Code::InvalidField, key);
    }
    entry = sendOf("ann", id, "x");
    entry.command.operation = Operation::History;
    ck_assert(bench.ask(entry).code == Code::InvalidField);
    EXPECT_TEXT(bench.messages(id), "1:one");
}

START_TEST(badEntries) {
    Bench bench;
    Delivered entry = sendOf("ann", idOf(kPair), "x");
    entry.status = {Code::UnsupportedVersion, "2"};
    Reply reply = bench.ask(entry);
    ck_assert(reply.code == Code::UnsupportedVersion);
    ck_assert_int_eq(reply.status, 503);
    entry.status = {Code::InvalidField, "", "ttl"};
    reply = bench.ask(entry);
    EXPECT_TEXT(reply.field, "ttl");
    entry.command = Command();  // nothing could be read: nobody to answer
    bench.run({entry});
    ck_assert_uint_eq(bench.effects.replies.size(), 0);
    ck_assert_uint_eq(bench.store.calls.size(), 0);
}

START_TEST(expired) {
    Bench bench;
    Delivered entry = startOf("ann", kPair, "late");
    entry.expired = true;
    bench.run({entry});
    ck_assert_uint_eq(bench.effects.replies.size(), 0);
    ck_assert_uint_eq(bench.store.calls.size(), 0);
    ck_assert(bench.database.conversations.empty());
}

START_TEST(sameKey) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair, "one"));
    const Reply first = bench.ask(sendOf("ann", id, "two", "c:k"));
    bench.ask(sendOf("bob", id, "three", "c:k"));  // another sender's key is another
    const Reply second = bench.ask(sendOf("ann", id, "two", "c:k"));
    ck_assert_int_eq(first.status, 201);
    ck_assert_int_eq(second.status, 200);
    EXPECT_TEXT(second.body, first.body);
    ck_assert_uint_eq(bench.effects.publications.size(), 0);
    const Reply other = bench.ask(sendOf("ann", id, "2", "c:k"));
    ck_assert(other.code == Code::KeyReused);
    ck_assert_int_eq(other.status, 422);
    EXPECT_TEXT(other.body, "");
    bench.ask(sendOf("ann", id, "four"));
    EXPECT_TEXT(bench.messages(id), "1:one 2:two 3:three 4:four");
}

START_TEST(sameKeyInABatch) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.run({startOf("ann", kPair, "one"), sendOf("ann", id, "two", "c:k"),
               sendOf("ann", id, "two", "c:k"), sendOf("ann", id, "2", "c:k"),
               sendOf("bob", id, "two", "c:k"), sendOf("ann", id, "three")});
    EXPECT_TEXT(bench.messages(id), "1:one 2:two 3:two 4:three");
    ck_assert_int_eq(bench.reply(1).status, 201);
    ck_assert_int_eq(bench.reply(2).status, 200);
    EXPECT_TEXT(bench.reply(2).body, bench.reply(1).body);
    ck_assert(bench.reply(3).code == Code::KeyReused);
    ck_assert_int_eq(bench.reply(4).status, 201);
    EXPECT_TEXT(at(bench.reply(4).body, "seq"), "3");
    EXPECT_TEXT(eventsFor(bench.effects, "ann"),
                "conversation message message message message unread");

    // All of it once more, with something new between.
    bench.run({sendOf("ann", id, "two", "c:k"), sendOf("bob", id, "four"),
               sendOf("ann", id, "2", "c:k"), sendOf("bob", id, "two", "c:k"),
               sendOf("bob", id, "five")});
    EXPECT_TEXT(bench.messages(id), "1:one 2:two 3:two 4:three 5:four 6:five");
    ck_assert_int_eq(bench.reply(0).status, 200);
    ck_assert_int_eq(bench.reply(1).status, 201);
    ck_assert(bench.reply(2).code == Code::KeyReused);
    ck_assert_int_eq(bench.reply(3).status, 200);
    EXPECT_TEXT(at(bench.reply(3).body, "seq"), "3");
    EXPECT_TEXT(at(bench.reply(4).body, "seq"), "6");
    EXPECT_TEXT(bench.row(id, "ann"), "6 3 0 0 five");
    EXPECT_TEXT(bench.row(id, "bob"), "6 3 0 0 five");
}

// A queue that a client sends again as a whole: no number of repeats may wear it out.
START_TEST(manyRepeats) {
    Bench bench;
    const std::string id = idOf(kPair);
    std::vector<Delivered> batch = {startOf("ann", kPair, "0", "c:0")};
    for (int i = 1; i < 60; ++i) {
        batch.push_back(sendOf("ann", id, std::to_string(i), "c:" + std::to_string(i)));
    }
    bench.run(batch);
    bench.run(batch);
    for (const auto& [channel, reply] : bench.effects.replies) {
        ck_assert_int_eq(reply.status, 200);
    }
    ck_assert_uint_eq(bench.database.messages[refOf(id)].size(), 60);
    bench.messages(id);
}

START_TEST(readOfARepeat) {
    Bench bench;
    const std::string id = idOf(kThree);
    bench.ask(startOf("ann", kThree, "one"));
    bench.ask(sendOf("ann", id, "two", "c:k"));
    bench.ask(readOf("bob", id));
    EXPECT_TEXT(at(bench.ask(sendOf("ann", id, "two", "c:k")).body, "read"), "false");
    bench.ask(readOf("cat", id));
    EXPECT_TEXT(at(bench.ask(sendOf("ann", id, "two", "c:k")).body, "read"), "true");
}

// A message's time never lies before the one of the message before it.
START_TEST(times) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair, "one"));
    Delivered early = sendOf("ann", id, "two");
    early.at = kNow - 500;
    Delivered late = sendOf("ann", id, "three");
    late.at = kNow + 500;
    Delivered between = sendOf("ann", id, "four");
    between.at = kNow + 100;
    bench.run({early, late, between});
    std::vector<uint64_t> times;
    for (const auto& [seq, message] : bench.database.messages[refOf(id)]) {
        times.push_back(message.createdAt - kNow);
    }
    ck_assert(times == std::vector<uint64_t>({0, 0, 500, 500}));
    ck_assert_uint_eq(bench.database.memberships[refOf(id)].at("bob").activity,
                      kNow + 500);
    bench.restart();
    early.command.key = "i:new";
    bench.ask(early);
    ck_assert_uint_eq(bench.database.messages[refOf(id)].at(5).createdAt, kNow + 500);
}

START_TEST(previews) {
    Bench bench;
    const std::string id = idOf(kPair);
    bench.ask(startOf("ann", kPair, repeat("é", 500)));
    const std::string wanted = repeat("é", limits::kPreview - 1) + "…";
    EXPECT_TEXT(bench.database.memberships[refOf(id)].at("bob").preview.content,
                wanted);
    EXPECT_TEXT(
        at(eventFor(bench.effects, "bob", "conversation"), "lastMessage.content"),
        wanted);
}

}  // namespace

Suite* handlerSuite() {
    return suiteOf("handler",
                   {startWithContent, startWithoutContent, startAgain, startInContext,
                    tickets, messageExtras, startChecks, startTwiceInABatch, send,
                    sendToWhatIsNotYours, sendChecks, badEntries, expired, sameKey,
                    sameKeyInABatch, manyRepeats, readOfARepeat, times, previews});
}

}  // namespace messaging::unit
