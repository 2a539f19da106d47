// The rules of reading: who sees what, pages and cursors, what `read` means to whom.
#include <iterator>
#include <set>
#include <sstream>

#include "schema/problem.hpp"
#include "t/unit/handler_fixture.hpp"
#include "worker/cursor.hpp"

namespace messaging::unit {
namespace {

const std::vector<std::string> kPair = {"ann", "bob"};
const std::vector<std::string> kThree = {"ann", "bob", "cat"};

struct Desk : Bench {
    Reply look(Operation operation, const std::string& user,
               const std::string& conversation, const std::string& body = "{}") {
        const Delivered entry = entryOf(operation, user, conversation, body);
        const size_t before = store.calls.size();
        const Reply reply = worker::Reader(store).run(entry.command);
        EXPECT_TEXT(reply.id, entry.command.id);
        trips = store.calls.size() - before;
        for (size_t i = before; i < store.calls.size(); ++i) {
            for (const char* write : {"begin", "raise", "putUsers", "commit"}) {
                ck_assert(store.calls[i] != write);
            }
        }
        ck_assert_int_eq(reply.status,
                         reply.code == Code::Ok ? 200 : problemKind(reply.code).status);
        return reply;
    }
    std::string history(const std::string& user, const std::string& body = "{}") {
        const Reply reply = look(Operation::History, user, id, body);
        std::string all;
        for (int i = 0; at(reply.body, "messages." + std::to_string(i)) != "-"; ++i) {
            const std::string message = "messages." + std::to_string(i);
            all += at(reply.body, message + ".seq");
            all += at(reply.body, message + ".read") == "true" ? "+ " : " ";
        }
        return all + "next " + at(reply.body, "nextCursor");
    }

    const std::string id = idOf(kThree);
    size_t trips = 0;
};

// --- History

START_TEST(history) {
    Desk desk;
    std::vector<Delivered> batch = {startOf("ann", kThree, "1")};
    for (int i = 2; i <= 10; ++i) {
        batch.push_back(sendOf("ann", desk.id, std::to_string(i)));
    }
    desk.run(batch);
    EXPECT_TEXT(desk.history("bob", "{\"limit\":3}"), "8 9 10 next 8");
    EXPECT_TEXT(desk.history("bob", "{\"limit\":3,\"before\":8}"), "5 6 7 next 5");
    EXPECT_TEXT(desk.history("bob", "{\"limit\":4,\"before\":5}"), "1 2 3 4 next null");
    EXPECT_TEXT(desk.history("bob", "{\"limit\":3,\"before\":1}"), "next null");
    EXPECT_TEXT(desk.history("bob", "{\"limit\":3,\"after\":0}"), "1 2 3 next 3");
    EXPECT_TEXT(desk.history("bob", "{\"limit\":3,\"after\":7}"), "8 9 10 next null");
    EXPECT_TEXT(desk.history("bob", "{\"limit\":3,\"after\":10}"), "next null");
    EXPECT_TEXT(desk.history("bob", "{\"limit\":10}"),
                "1 2 3 4 5 6 7 8 9 10 next null");
    EXPECT_TEXT(desk.history("bob"), "1 2 3 4 5 6 7 8 9 10 next null");
    ck_assert_uint_le(desk.trips, 3);
    const Reply reply = desk.look(Operation::History, "bob", desk.id, "{\"limit\":1}");
    EXPECT_TEXT(at(reply.body, "messages.0.content"), "10");
    EXPECT_TEXT(at(reply.body, "messages.0.id"), desk.id + ".10");
    EXPECT_TEXT(at(reply.body, "messages.0.conversationId"), desk.id);
}

START_TEST(historyRead) {
    Desk desk;
    desk.run({startOf("ann", kThree, "1"), sendOf("bob", desk.id, "2"),
              sendOf("ann", desk.id, "3")});
    EXPECT_TEXT(desk.history("ann"), "1 2 3 next null");
    desk.ask(readOf("bob", desk.id));
    EXPECT_TEXT(desk.history("bob"), "1+ 2 3+ next null");  // others', by oneself
    EXPECT_TEXT(desk.history("ann"), "1 2 3 next null");    // own: not yet by all
    desk.ask(readOf("cat", desk.id, 1));
    EXPECT_TEXT(desk.history("ann"), "1+ 2 3 next null");
    EXPECT_TEXT(desk.history("cat"), "1+ 2 3 next null");
    desk.ask(readOf("ann", desk.id, 2));
    EXPECT_TEXT(desk.history("ann"), "1+ 2+ 3 next null");
    desk.ask(readOf("cat", desk.id));
    EXPECT_TEXT(desk.history("bob"), "1+ 2+ 3+ next null");
    // Somebody without a membership has read nothing.
    desk.database.memberships[refOf(desk.id)].erase("cat");
    EXPECT_TEXT(desk.history("ann"), "1 2+ 3 next null");
    EXPECT_TEXT(desk.history("cat"), "1 2 3 next null");
}

START_TEST(notYours) {
    Desk desk;
    desk.ask(startOf("ann", kPair, "1"));
    for (const Operation operation : {Operation::History, Operation::Conversation}) {
        const Reply absent = desk.look(operation, "cat", "nowhere");
        const Reply stranger = desk.look(operation, "cat", idOf(kPair));
        ck_assert(absent.code == Code::NotFound && stranger.code == Code::NotFound);
        EXPECT_TEXT(absent.body, stranger.body);
        Delivered entry = entryOf(operation, "ann", idOf(kPair), "{}");
        entry.command.who.site = "elsewhere";
        ck_assert(worker::Reader(desk.store).run(entry.command).code == Code::NotFound);
    }
}

START_TEST(badArguments) {
    Desk desk;
    desk.ask(startOf("ann", kThree, "1"));
    Reply reply = desk.look(Operation::History, "ann", desk.id, "{\"limit\":0}");
    ck_assert(reply.code == Code::InvalidField);
    EXPECT_TEXT(reply.field, "limit");
    reply = desk.look(Operation::List, "ann", "", "{\"page\":1}");
    ck_assert(reply.code == Code::UnknownField);
    ck_assert(desk.look(Operation::List, "ann", "", "[").code == Code::InvalidJson);
    ck_assert(desk.look(Operation::Send, "ann", desk.id).code == Code::InvalidField);
}

// --- A conversation

START_TEST(conversation) {
    Desk desk;
    desk.ask(startOf("ann", kThree));
    Reply reply = desk.look(Operation::Conversation, "cat", desk.id);
    EXPECT_TEXT(at(reply.body, "id"), desk.id);
    EXPECT_TEXT(at(reply.body, "lastSeq"), "0");
    EXPECT_TEXT(at(reply.body, "lastMessage"), "null");
    EXPECT_TEXT(at(reply.body, "members"), "3");
    EXPECT_TEXT(desk.history("cat"), "next null");
    desk.run({sendOf("bob", desk.id, "1"), sendOf("bob", desk.id, "2"),
              readOf("cat", desk.id, 1)});
    reply = desk.look(Operation::Conversation, "cat", desk.id);
    EXPECT_TEXT(at(reply.body, "lastSeq"), "2");
    EXPECT_TEXT(at(reply.body, "readSeq"), "1");
    EXPECT_TEXT(at(reply.body, "unreadCount"), "1");
    EXPECT_TEXT(at(reply.body, "lastMessage.content"), "2");
    EXPECT_TEXT(at(reply.body, "members.1.name"), "Name of bob");
    ck_assert_uint_le(desk.trips, 3);
}

// --- The list

// Conversations of ann with u0, u1, …, the newest last.
void fill(Desk& desk, int count) {
    for (int i = 0; i < count; ++i) {
        Delivered entry = startOf("ann", {"ann", "u" + std::to_string(i)}, "hello");
        entry.at = kNow + static_cast<uint64_t>(i);
        desk.ask(entry);
    }
}

void touch(Desk& desk, int which, uint64_t at) {
    Delivered entry =
        sendOf("ann", idOf({"ann", "u" + std::to_string(which)}), "again");
    entry.at = at;
    desk.ask(entry);
}

// "u3 u2…", and where it goes on.
std::string page(Desk& desk, unsigned limit, std::string* cursor) {
    const std::string body = encode(ListArguments{*cursor, limit});
    const Reply reply = desk.look(Operation::List, "ann", "", body);
    ck_assert(reply.code == Code::Ok);
    std::string all;
    for (int i = 0;; ++i) {
        const std::string place = "conversations." + std::to_string(i);
        if (at(reply.body, place) == "-") {
            break;
        }
        all += (all.empty() ? "" : " ") + at(reply.body, place + ".members.1.id");
    }
    *cursor = at(reply.body, "nextCursor");
    return all;
}

START_TEST(list) {
    Desk desk;
    fill(desk, 3);
    const Reply reply = desk.look(Operation::List, "ann", "");
    EXPECT_TEXT(at(reply.body, "me.id"), "ann");
    EXPECT_TEXT(at(reply.body, "me.name"), "Name of ann");
    EXPECT_TEXT(at(reply.body, "conversations"), "3");
    EXPECT_TEXT(at(reply.body, "conversations.0.members.1.id"), "u2");
    EXPECT_TEXT(at(reply.body, "conversations.0.members.0.name"), "Name of ann");
    EXPECT_TEXT(at(reply.body, "conversations.0.lastMessage.content"), "hello");
    EXPECT_TEXT(at(reply.body, "nextCursor"), "null");
    ck_assert_uint_le(desk.trips, 3);
    const Reply other = desk.look(Operation::List, "u1", "");
    EXPECT_TEXT(at(other.body, "conversations"), "1");
    EXPECT_TEXT(at(other.body, "conversations.0.unreadCount"), "1");
    EXPECT_TEXT(at(desk.look(Operation::List, "nobody", "").body, "conversations"),
                "0");

    // Before its first message only who opened it lists it.
    desk.ask(startOf("u1", {"u1", "u2"}));
    EXPECT_TEXT(at(desk.look(Operation::List, "u1", "").body, "conversations"), "2");
    EXPECT_TEXT(at(desk.look(Operation::List, "u2", "").body, "conversations"), "1");
}

START_TEST(listPages) {
    Desk desk;
    fill(desk, 6);
    std::string cursor;
    EXPECT_TEXT(page(desk, 2, &cursor), "u5 u4");
    EXPECT_TEXT(page(desk, 2, &cursor), "u3 u2");
    EXPECT_TEXT(page(desk, 2, &cursor), "u1 u0");
    EXPECT_TEXT(cursor, "null");
    cursor.clear();
    EXPECT_TEXT(page(desk, 4, &cursor), "u5 u4 u3 u2");
    EXPECT_TEXT(page(desk, 4, &cursor), "u1 u0");
    ck_assert_uint_le(desk.trips, 4);
    EXPECT_TEXT(cursor, "null");
}

// What moves up while somebody pages down is still delivered.
START_TEST(filteredList) {
    Desk desk;
    const std::vector<std::string> others = {"Zoé", "bob", "cat", "dan", "eve"};
    for (const std::string& other : others) {
        StartArguments start{{"ann", other}, "hello " + other};
        std::sort(start.members.begin(), start.members.end());
        start.subject = other == "cat" ? "Château" : "Nothing";
        start.context = other == "dan" ? Context{"product", "7"} : Context();
        desk.run({startOf(other == "eve" ? "eve" : "ann", start)});
    }
    desk.run({changeOf("ann", idOf({"ann", "bob"}), "{\"status\":\"closed\"}"),
              changeOf("ann", idOf({"ann", "cat"}), "{\"archived\":true}")});
    const auto listed = [&](const std::string& filter) {
        const Reply reply = desk.look(Operation::List, "ann", "", "{" + filter + "}");
        std::string all;
        for (int i = 0; at(reply.body, "conversations." + std::to_string(i)) != "-";
             ++i) {
            const std::string one =
                "conversations." + std::to_string(i) + ".lastMessage";
            all += at(reply.body, one + ".content").substr(6) + " ";
        }
        return all + (at(reply.body, "nextCursor") == "null" ? "" : "…");
    };
    const auto sorted = [&](const std::string& filter) {  // all have one time
        std::istringstream words(listed(filter));
        std::set<std::string> set{std::istream_iterator<std::string>(words), {}};
        std::string all;
        for (const std::string& word : set) {
            all += (all.empty() ? "" : " ") + word;
        }
        return all;
    };
    EXPECT_TEXT(sorted(""), "Zoé bob cat dan eve");
    EXPECT_TEXT(sorted("\"status\":\"closed\""), "bob");
    EXPECT_TEXT(sorted("\"archived\":\"true\""), "cat");
    EXPECT_TEXT(sorted("\"archived\":\"false\",\"status\":\"open\""), "Zoé dan eve");
    EXPECT_TEXT(sorted("\"unread\":\"true\""), "eve");
    EXPECT_TEXT(sorted("\"context\":\"product:7\""), "dan");
    EXPECT_TEXT(sorted("\"q\":\"CHATEAU\""), "cat");
    EXPECT_TEXT(sorted("\"q\":\"zoe\""), "Zoé");
    EXPECT_TEXT(sorted("\"q\":\"name of eve\""), "eve");
    EXPECT_TEXT(sorted("\"q\":\"hello d\""), "dan");
    EXPECT_TEXT(sorted("\"q\":\"nowhere\""), "");

    // Page by page, also where each look finds more than a page.
    std::string cursor;
    size_t pages = 0;
    std::set<std::string> seen;
    do {
        const std::string from = cursor.empty() ? "" : ",\"cursor\":\"" + cursor + "\"";
        const Reply reply = desk.look(Operation::List, "ann", "",
                                      "{\"limit\":1,\"q\":\"nothing\"" + from + "}");
        ck_assert(seen.insert(at(reply.body, "conversations.0.id")).second);
        cursor = at(reply.body, "nextCursor");
    } while (++pages < 4 && cursor != "null");
    ck_assert_uint_eq(pages, 4);
    ck_assert_uint_eq(seen.count("-"), 0);
}

START_TEST(listWhileThingsMove) {
    Desk desk;
    fill(desk, 6);
    std::string cursor;
    EXPECT_TEXT(page(desk, 2, &cursor), "u5 u4");
    touch(desk, 1, kNow + 100);
    EXPECT_TEXT(page(desk, 2, &cursor), "u1 u3");
    touch(desk, 0, kNow + 101);
    touch(desk, 5, kNow + 102);
    EXPECT_TEXT(page(desk, 2, &cursor), "u5 u0");
    EXPECT_TEXT(page(desk, 2, &cursor), "u2");
    EXPECT_TEXT(cursor, "null");
}

START_TEST(listWhileAllMoves) {
    Desk desk;
    fill(desk, 10);
    std::string cursor;
    EXPECT_TEXT(page(desk, 3, &cursor), "u9 u8 u7");
    for (int i = 0; i < 5; ++i) {
        touch(desk, i, kNow + 100 + static_cast<uint64_t>(i));
    }
    // More than a page moved: the walk starts again, and passes everything.
    EXPECT_TEXT(page(desk, 3, &cursor), "u4 u3 u2");
    EXPECT_TEXT(page(desk, 3, &cursor), "u1 u0 u9");
    EXPECT_TEXT(page(desk, 3, &cursor), "u8 u7 u6");
    EXPECT_TEXT(page(desk, 3, &cursor), "u5");
    EXPECT_TEXT(cursor, "null");
}

// Between the two questions of one page, too: once, not twice and not never.
START_TEST(listMovesBetweenTwoQuestions) {
    for (const int which : {2, 1, 0}) {
        Desk desk;
        fill(desk, 6);
        std::string cursor;
        page(desk, 3, &cursor);
        int question = 0;
        desk.store.before("list", [&] {
            if (++question == 2) {
                Membership row =
                    desk.database
                        .memberships[refOf(idOf({"ann", "u" + std::to_string(which)}))]
                        .at("ann");
                row.lastSeq += 1;
                row.activity = kNow + 100;
                desk.database.raise(row);
            }
        });
        const std::string wanted[] = {"u0 u2 u1", "u1 u2 u0", "u2 u1 u0"};
        EXPECT_TEXT(page(desk, 3, &cursor), wanted[which]);
        EXPECT_TEXT(cursor, "null");
    }
}

// Many with the same time: the id decides, nothing is passed over.
START_TEST(listOfEqualTimes) {
    Desk desk;
    for (int i = 0; i < 23; ++i) {
        desk.ask(startOf("ann", {"ann", "u" + std::to_string(i)}, "hello"));
    }
    std::set<std::string> seen;
    std::string cursor;
    int pages = 0;
    do {
        const std::string names = page(desk, 4, &cursor) + ' ';
        for (size_t start = 0; start < names.size();) {
            const size_t end = names.find(' ', start);
            ck_assert(seen.insert(names.substr(start, end - start)).second);
            start = end + 1;
        }
    } while (cursor != "null" && ++pages < 20);
    ck_assert_uint_eq(seen.size(), 23);
    ck_assert_int_eq(pages, 5);
}

START_TEST(cursors) {
    Desk desk;
    fill(desk, 6);
    std::string good;
    page(desk, 2, &good);
    ck_assert_uint_lt(good.size(), limits::kMaxCursor);
    for (const char c : good) {
        EXPECT_FOR(std::string("-_").find(c) != std::string::npos || std::isalnum(c),
                   good);
    }
    for (const worker::ListCursor& cursor :
         {worker::ListCursor{{{1, "a"}, {2, "b"}}},
          worker::ListCursor{{{0, "a b"}, {0, "é"}}},
          worker::ListCursor{{{INT64_MAX, "x:1 2"}, {7, repeat("y", 128)}}},
          worker::ListCursor{{{1, "a"}, {2, "b"}},
                             worker::ListWalk{{3, "c 4"}, {5, "d"}}},
          worker::ListCursor{{}, worker::ListWalk{{3, "c"}, {5, "d 6"}}},
          worker::ListCursor{{{1, "a"}, {2, "+1"}}, worker::ListWalk{}}}) {
        const std::string text = worker::encodeCursor(cursor);
        const auto back = worker::decodeCursor(text);
        EXPECT_FOR(back && worker::encodeCursor(*back) == text, text);
        const auto same = [](const worker::ListWalk& a, const worker::ListWalk& b) {
            return a.start.activity == b.start.activity &&
                   a.start.conversation == b.start.conversation &&
                   a.last.activity == b.last.activity &&
                   a.last.conversation == b.last.conversation;
        };
        ck_assert(same(back->own, cursor.own));
        ck_assert(back->team.has_value() == cursor.team.has_value());
        ck_assert(!back->team || same(*back->team, *cursor.team));
    }
    const worker::ListWalk longest{{INT64_MAX, repeat("😀", limits::kMaxId)},
                                   {INT64_MAX, repeat("😀", limits::kMaxId)}};
    ck_assert_uint_le(worker::encodeCursor({longest, longest}).size(),
                      limits::kMaxCursor);
    // Without a team nothing begins at an edge.
    ck_assert(!worker::decodeCursor(worker::encodeCursor({{}, {}})));
    std::vector<std::string> bad = {"x", "====", good + "A",     good + "=", "é",
                                    " ", "MTIz", "MSAyIDUgYSBi", "MSAyIDA"};
    for (size_t i = 1; i < good.size(); i += 3) {
        bad.push_back(good.substr(0, i));
    }
    for (const std::string& cursor : bad) {
        const std::string body = encode(ListArguments{cursor, 2});
        const Reply reply = desk.look(Operation::List, "ann", "", body);
        if (reply.code == Code::Ok) {  // cut within the last id: a place like any other
            EXPECT_FOR(worker::decodeCursor(cursor).has_value(), cursor);
            EXPECT_FOR(good.compare(0, cursor.size(), cursor) == 0, cursor);
            continue;
        }
        EXPECT_FOR(reply.code == Code::InvalidCursor, cursor);
        EXPECT_TEXT(reply.field, "cursor");
    }
}

// --- The badge

START_TEST(unreadCount) {
    Desk desk;
    EXPECT_TEXT(desk.look(Operation::UnreadCount, "bob", "").body,
                "{\"count\":0,\"conversations\":{}}");
    const std::string pair = idOf(kPair);
    desk.run({startOf("ann", kThree, "1"), sendOf("ann", desk.id, "2"),
              startOf("ann", kPair, "1"), readOf("bob", desk.id, 1)});
    Reply reply = desk.look(Operation::UnreadCount, "bob", "");
    EXPECT_TEXT(at(reply.body, "count"), "2");
    EXPECT_TEXT(at(reply.body, "conversations." + pair), "1");
    EXPECT_TEXT(at(reply.body, "conversations." + desk.id), "1");
    desk.ask(readOf("bob", pair));
    reply = desk.look(Operation::UnreadCount, "bob", "");
    EXPECT_TEXT(at(reply.body, "count"), "1");
    EXPECT_TEXT(at(reply.body, "conversations." + pair), "-");
    EXPECT_TEXT(at(desk.look(Operation::UnreadCount, "ann", "").body, "count"), "0");
}

// --- Search

START_TEST(search) {
    Desk desk;
    const std::string pair = idOf(kPair);
    desk.run({startOf("ann", kThree, "one castle"),
              sendOf("bob", desk.id, "two Castles"),
              startOf("ann", kPair, "three castle"), readOf("bob", pair, 1)});
    const auto find = [&](const std::string& user, const SearchArguments& arguments) {
        const Reply reply = desk.look(Operation::Search, user, "", encode(arguments));
        std::string all = reply.code == Code::Ok ? "" : "failed";
        for (int i = 0; at(reply.body, "messages." + std::to_string(i)) != "-"; ++i) {
            const std::string message = "messages." + std::to_string(i);
            all += at(reply.body, message + ".content");
            all += at(reply.body, message + ".read") == "true" ? "+," : ",";
        }
        return std::pair(all, at(reply.body, "nextCursor"));
    };
    std::string all = find("cat", {"castle", "", 9}).first;
    ck_assert(all.find("one castle,") != std::string::npos);
    ck_assert(all.find("two Castles,") != std::string::npos);
    ck_assert(all.find("three") == std::string::npos);
    EXPECT_TEXT(find("ann", {"three", "", 9}).first, "three castle+,");
    EXPECT_TEXT(find("bob", {"three", "", 9}).first, "three castle+,");
    EXPECT_TEXT(find("eve", {"castle", "", 9}).first, "");
    const auto first = find("ann", {"castle", "", 2});
    const auto second = find("ann", {"castle", first.second, 2});
    ck_assert(first.second != "null");
    EXPECT_TEXT(second.second, "null");
    ck_assert_uint_eq((first.first + second.first).size(),
                      find("ann", {"castle", "", 3}).first.size());
    EXPECT_TEXT(find("ann", {"castle", "", 3}).second, "null");
    EXPECT_TEXT(find("ann", {"?!", "", 3}).second, "null");
    ck_assert_uint_eq(desk.trips, 0);
    ck_assert(desk.look(Operation::Search, "ann", "", "{}").code == Code::MissingField);
}

// --- Typing

START_TEST(typing) {
    Desk desk;
    desk.ask(startOf("ann", kThree, "1"));
    const auto say = [&](const std::string& user, const std::string& body) {
        const Delivered entry = entryOf(Operation::Typing, user, desk.id, body);
        std::vector<Publication> whispers;
        const Reply reply = worker::Reader(desk.store).run(entry.command, &whispers);
        std::string all = std::to_string(reply.code == Code::Ok ? reply.status : 0);
        for (const Publication& one : whispers) {
            ck_assert_uint_eq(one.events.size(), 1);
            all += " " + one.site + "/" + one.member + ":" + one.events[0].type;
            EXPECT_TEXT(at(one.events[0].data, "conversationId"), desk.id);
            EXPECT_TEXT(at(one.events[0].data, "userId"), user);
            EXPECT_TEXT(at(one.events[0].data, "name"), "Name of " + user);
            all += "=" + at(one.events[0].data, "typing");
        }
        return all;
    };
    EXPECT_TEXT(say("bob", "{}"), "204 shop/ann:typing=true shop/cat:typing=true");
    EXPECT_TEXT(say("ann", "{\"typing\":false}"),
                "204 shop/bob:typing=false shop/cat:typing=false");
    EXPECT_TEXT(say("eve", "{}"), "0");
    EXPECT_TEXT(say("ann", "{\"typing\":1}"), "0");
    EXPECT_TEXT(say("ann", "{\"seq\":1}"), "0");
}

// --- Presence

struct Everybody : worker::Presences {
    void find(std::vector<User>* users) override {
        for (User& user : *users) {
            if (user.id != "cat") {
                user.online = user.id == "ann";
                user.lastSeen = 1700000000000;
            }
        }
    }
};

START_TEST(presence) {
    Desk desk;
    desk.ask(startOf("ann", kThree, "1"));
    const std::string pair = idOf({"ann", "dan"});
    desk.ask(startOf("ann", {"ann", "dan"}, "2"));
    Everybody everybody;
    const auto look = [&](Operation operation, const std::string& id) {
        const Delivered entry = entryOf(operation, "bob", id, "{}");
        return worker::Reader(desk.store, &everybody).run(entry.command).body;
    };
    for (const std::string& members :
         {std::string("members."), std::string("conversations.0.members.")}) {
        const bool one = members == "members.";
        const std::string body =
            look(one ? Operation::Conversation : Operation::List, one ? desk.id : "");
        EXPECT_TEXT(at(body, members + "0.online"), "true");
        EXPECT_TEXT(at(body, members + "1.online"), "false");
        EXPECT_TEXT(at(body, members + "2.online"), "null");
        EXPECT_TEXT(at(body, members + "1.lastSeenAt"), "2023-11-14T22:13:20.000Z");
        EXPECT_TEXT(at(body, members + "2.lastSeenAt"), "null");
    }
    const auto say = [&](const std::string& user, const std::string& body) {
        const Delivered entry = entryOf(Operation::Presence, user, "", body);
        std::vector<Publication> whispers;
        const Reply reply = worker::Reader(desk.store).run(entry.command, &whispers);
        std::string all = std::to_string(reply.code == Code::Ok ? reply.status : 0);
        for (const Publication& one : whispers) {
            EXPECT_TEXT(one.events[0].type, "presence");
            EXPECT_TEXT(at(one.events[0].data, "userId"), user);
            all += " " + one.member + "=" + at(one.events[0].data, "online");
        }
        return all;
    };
    EXPECT_TEXT(say("ann", encode(PresenceArguments{true, 5})),
                "204 bob=true cat=true dan=true");
    EXPECT_TEXT(say("dan", encode(PresenceArguments{false, 5})), "204 ann=false");
    EXPECT_TEXT(say("eve", encode(PresenceArguments{true, 5})), "204");
    EXPECT_TEXT(say("ann", "{}"), "0");
    EXPECT_TEXT(say("ann", "{\"online\":true}"), "0");
}

// --- Faults

START_TEST(faults) {
    Desk desk;
    desk.ask(startOf("ann", kThree, "1"));
    fill(desk, 3);
    std::string cursor;
    page(desk, 2, &cursor);
    const std::string next = encode(ListArguments{cursor, 2});
    for (const Operation operation :
         {Operation::History, Operation::Conversation, Operation::List,
          Operation::UnreadCount, Operation::Search}) {
        const bool list = operation == Operation::List;
        const bool search = operation == Operation::Search;
        const std::string id = list || search ? "" : desk.id;
        const std::string body = list     ? next
                                 : search ? encode(SearchArguments{"1", "", 5})
                                          : "{}";
        ck_assert(desk.look(operation, "ann", id, body).code == Code::Ok);
        const size_t trips = desk.trips;
        for (size_t n = 1; n <= trips; ++n) {
            for (const auto fault :
                 {MemoryStore::Fault::Definite, MemoryStore::Fault::UnknownNot}) {
                desk.store.failAt(n, fault);
                const Reply reply = desk.look(operation, "ann", id, body);
                ck_assert(reply.code == Code::StoreUnavailable);
                EXPECT_TEXT(reply.body, "");
            }
        }
    }
}

}  // namespace

Suite* readerSuite() {
    return suiteOf(
        "reader", {history, historyRead, notYours, badArguments, conversation, list,
                   listPages, filteredList, listWhileThingsMove, listWhileAllMoves,
                   listMovesBetweenTwoQuestions, listOfEqualTimes, cursors, unreadCount,
                   search, typing, presence, faults});
}

}  // namespace messaging::unit
