// Reading for a profile: a conversation with its messages, all of them at once, lists
// with the newest message, and up to where each answer showed.
#include "schema/profile.hpp"
#include "t/unit/handler_fixture.hpp"
#include "worker/reader_page.hpp"

namespace messaging::unit {
namespace {

const std::vector<std::string> kPair = {"ann", "bob"};

struct Desk : Bench {
    Desk() {
        profile.name = "venues";
        hash = profileHash(encode(profile));
    }

    Reply look(Operation operation, const std::string& user,
               const std::string& conversation, const std::string& body = "{}") {
        Delivered entry = entryOf(operation, user, conversation, body);
        entry.command.profile = hash;
        return worker::Reader(store).run(entry.command, nullptr, &profile);
    }
    // So many messages of ann's.
    void say(size_t count, const std::string& content) {
        std::vector<Delivered> batch = {startOf("ann", kPair)};
        for (size_t i = 0; i < count; ++i) {
            batch.push_back(sendOf("ann", id, content));
        }
        run(batch);
    }

    Profile profile;
    std::string hash;
    const std::string id = idOf(kPair);
};

START_TEST(threadById) {
    Desk desk;
    desk.say(5, "x");
    Reply reply = desk.look(Operation::Thread, "bob", desk.id, "{\"limit\":2}");
    ck_assert_int_eq(reply.status, 200);
    EXPECT_TEXT(at(reply.body, "conversation.id"), desk.id);
    EXPECT_TEXT(at(reply.body, "conversation.unreadCount"), "5");
    EXPECT_TEXT(at(reply.body, "messages.0.seq"), "4");
    EXPECT_TEXT(at(reply.body, "messages.1.seq"), "5");
    EXPECT_TEXT(at(reply.body, "nextCursor"), "4");
    ck_assert_uint_eq(reply.seq, 5);
    EXPECT_TEXT(reply.conversation, desk.id);
    reply = desk.look(Operation::Thread, "bob", desk.id, "{\"before\":4,\"limit\":9}");
    EXPECT_TEXT(at(reply.body, "messages"), "3");
    EXPECT_TEXT(at(reply.body, "nextCursor"), "null");
    ck_assert_uint_eq(reply.seq, 3);
    ck_assert(desk.look(Operation::Thread, "eve", desk.id).code == Code::NotFound);
    EXPECT_TEXT(desk.look(Operation::Thread, "bob", desk.id, "{\"q\":1}").field, "q");
}

START_TEST(threadByContext) {
    Desk desk;
    const auto open = [&](const std::string& product, uint64_t time) {
        StartArguments about{kPair, "about " + product};
        about.context = {"product", product};
        Delivered entry = startOf("ann", about);
        entry.at += time;
        desk.run({entry});
    };
    open("7", 1);
    open("8", 2);
    const auto find = [&](const std::string& context) {
        const Reply reply =
            desk.look(Operation::Thread, "bob", "", "{" + context + "}");
        ck_assert(reply.seq == 0 ||
                  reply.conversation == at(reply.body, "conversation.id"));
        return at(reply.body, "messages.0.content");
    };
    EXPECT_TEXT(find("\"context\":{\"type\":\"product\",\"id\":\"7\"}"), "about 7");
    EXPECT_TEXT(find(""), "about 8");
    EXPECT_TEXT(find("\"context\":{\"type\":\"product\",\"id\":\"9\"}"), "-");
    EXPECT_TEXT(find("\"context\":{\"type\":\"venue\",\"id\":\"7\"}"), "-");
    EXPECT_TEXT(desk.look(Operation::Thread, "eve", "").body,
                "{\"conversation\":null,\"messages\":[],\"nextCursor\":null}");
}

START_TEST(absent) {
    Desk desk;
    const std::string empty = "{\"absent\":\"empty\"}";
    EXPECT_TEXT(desk.look(Operation::Thread, "ann", desk.id, empty).body,
                "{\"conversation\":null,\"messages\":[],\"nextCursor\":null}");
    EXPECT_TEXT(desk.look(Operation::History, "ann", desk.id, empty).body,
                "{\"messages\":[],\"nextCursor\":null}");
    for (const Operation operation : {Operation::Thread, Operation::History}) {
        const Reply reply = desk.look(operation, "ann", desk.id);
        ck_assert(reply.code == Code::NotFound);
        EXPECT_TEXT(reply.field, "");
    }
    // What is somebody else's is not empty.
    desk.say(1, "x");
    for (const Operation operation : {Operation::Thread, Operation::History}) {
        const Reply reply = desk.look(operation, "eve", desk.id, empty);
        ck_assert(reply.code == Code::NotFound);
        EXPECT_TEXT(reply.field, "");
    }
    // Nor is it a client's to say.
    const Delivered entry = entryOf(Operation::History, "ann", desk.id, empty);
    EXPECT_TEXT(worker::Reader(desk.store).run(entry.command).field, "absent");
}

START_TEST(shownUpTo) {
    Desk desk;
    desk.say(3, "x");
    ck_assert_uint_eq(desk.look(Operation::Conversation, "bob", desk.id).seq, 3);
    ck_assert_uint_eq(desk.look(Operation::History, "bob", desk.id).seq, 3);
    ck_assert_uint_eq(
        desk.look(Operation::History, "bob", desk.id, "{\"before\":3}").seq, 2);
    ck_assert_uint_eq(
        desk.look(Operation::History, "bob", desk.id, "{\"after\":3}").seq, 0);
    ck_assert_uint_eq(desk.look(Operation::List, "bob", "").seq, 0);
}

// --- All messages

START_TEST(allMessages) {
    Desk desk;
    desk.say(1000, "x");
    const auto all = [&](const std::string& more) {
        const Reply reply = desk.look(Operation::History, "bob", desk.id,
                                      "{\"limit\":10000" + more + "}");
        ck_assert_uint_eq(reply.code == Code::Ok, 1);
        const size_t count = std::stoul(at(reply.body, "messages"));
        const std::string last = std::to_string(count - 1);
        return at(reply.body, "messages.0.seq") + ".." +
               at(reply.body, "messages." + last + ".seq") + " of " +
               std::to_string(count) + " next " + at(reply.body, "nextCursor");
    };
    EXPECT_TEXT(all(""), "1..1000 of 1000 next null");
    EXPECT_TEXT(all(",\"after\":0"), "1..1000 of 1000 next null");
    EXPECT_TEXT(all(",\"after\":399"), "400..1000 of 601 next null");
    EXPECT_TEXT(all(",\"before\":401"), "1..400 of 400 next null");
    const Reply canonical =
        worker::Reader(desk.store)
            .run(
                entryOf(Operation::History, "bob", desk.id, "{\"limit\":201}").command);
    ck_assert(canonical.code == Code::InvalidField);
}

// What is too long for one answer is given in parts, from either end, nothing twice.
START_TEST(longMessages) {
    Desk desk;
    desk.say(450, std::string(100, 'x'));
    const auto walk = [&](bool rising) {
        std::string seqs;
        HistoryArguments range;
        range.limit = limits::kMaxAll;
        if (rising) {
            range.after = 0;
        }
        size_t pages = 0;
        size_t messages = 0;
        for (bool more = true; more; ++pages) {
            const auto page = worker::readPage(
                desk.store, refOf(desk.id), range, [](const Message&) { return true; },
                40000);
            ck_assert(page.ok());
            size_t bytes = 0;
            for (const std::string& view : page->views) {
                bytes += view.size();
            }
            ck_assert_uint_le(bytes, 40000);
            messages += page->views.size();
            more = page->next.has_value();
            if (more) {
                (rising ? range.after : range.before) = page->next;
            } else {
                EXPECT_TEXT(
                    at(rising ? page->views.back() : page->views.front(), "seq"),
                    rising ? "450" : "1");
            }
        }
        ck_assert_uint_gt(pages, 3);
        ck_assert_uint_eq(messages, 450);
    };
    walk(false);
    walk(true);
    // One that is too long by itself is given all the same.
    HistoryArguments range;
    const auto page = worker::readPage(
        desk.store, refOf(desk.id), range, [](const Message&) { return true; }, 10);
    ck_assert_uint_eq(page->views.size(), 1);
    ck_assert_uint_eq(page->next.value_or(0), 450);
}

// --- Lists

START_TEST(listWithMessages) {
    Desk desk;
    desk.profile.conversation.fields = {{"messages", "messages"}};
    desk.say(2, "x");
    desk.ask(sendOf("bob", desk.id, std::string(500, 'y')));
    Delivered before = startOf("ann", {"ann", "cat"});
    before.at -= 1000;
    desk.ask(before);
    desk.ask(readOf("ann", desk.id));
    Reply reply = desk.look(Operation::List, "ann", "");
    EXPECT_TEXT(at(reply.body, "conversations"), "2");
    EXPECT_TEXT(at(reply.body, "conversations.1.messages"), "0");
    EXPECT_TEXT(at(reply.body, "conversations.0.messages"), "1");
    EXPECT_TEXT(at(reply.body, "conversations.0.messages.0.content"),
                std::string(500, 'y'));
    EXPECT_TEXT(at(reply.body, "conversations.0.messages.0.read"), "true");
    reply = desk.look(Operation::List, "bob", "");
    EXPECT_TEXT(at(reply.body, "conversations.0.messages.0.read"), "true");
    reply = desk.look(Operation::Conversation, "bob", desk.id);
    EXPECT_TEXT(at(reply.body, "messages.0.seq"), "3");
    reply = desk.look(Operation::Thread, "bob", desk.id);
    EXPECT_TEXT(at(reply.body, "messages"), "3");
}

}  // namespace

Suite* threadSuite() {
    return suiteOf("thread", {threadById, threadByContext, absent, shownUpTo,
                              allMessages, longMessages, listWithMessages});
}

}  // namespace messaging::unit
