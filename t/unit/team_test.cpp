// The rules of teams: one inbox, one read state, own membership before the team's; and
// how the badges of two inboxes become one.
#include <iterator>
#include <set>
#include <sstream>

#include "ngx_module/core/badge.hpp"
#include "t/unit/handler_fixture.hpp"

namespace messaging::unit {
namespace {

using core::joinBadges;

constexpr const char* kDesk = "team:desk";

Delivered of(Delivered entry, const std::string& team) {
    entry.command.who.team = team;
    entry.command.who.role = team.empty() ? "user" : team.substr(5);
    return entry;
}

struct Desk : Bench {
    Desk() { ask(startOf("bob", {"bob", kDesk}, "help")); }

    Reply look(Operation operation, const std::string& user, const std::string& team,
               const std::string& body = "{}") {
        const bool one =
            operation == Operation::History || operation == Operation::Conversation;
        const Delivered entry =
            of(entryOf(operation, user, one ? id : std::string(), body), team);
        return worker::Reader(store).run(entry.command);
    }
    // "ID+" for each conversation of a list: its starter's number, + where unread.
    std::string list(const std::string& user, const std::string& team,
                     const std::string& body = "{}") {
        const Reply reply = look(Operation::List, user, team, body);
        cursor = at(reply.body, "nextCursor");
        std::string all;
        for (int i = 0; at(reply.body, "conversations." + std::to_string(i)) != "-";
             ++i) {
            const std::string one = "conversations." + std::to_string(i);
            all += (all.empty() ? "" : " ") +
                   at(reply.body, one + ".lastMessage.content") + ':' +
                   at(reply.body, one + ".member");
        }
        return all;
    }

    const std::string id = idOf({"bob", kDesk});
    std::string cursor;
};

// As whom somebody starts: as themselves, unless they say or name otherwise.
START_TEST(startOfATeam) {
    const std::vector<std::string> known = {"team:admin", "team:desk"};
    ArgumentLimits bounds;
    bounds.teams = &known;
    struct {
        std::string_view body;
        std::string_view team;
        std::string_view canonical;
    } const rows[] = {
        {R"({"members":["team:admin"]})", "",
         R"({"members":["ann","team:admin"],"as":"user"})"},
        {R"({"members":["team:desk","bob"]})", "team:admin",
         R"({"members":["ann","bob","team:desk"],"as":"user"})"},
        {R"({"members":["bob"]})", "team:admin", R"({"members":["ann","bob"]})"},
        {R"({"members":["bob"],"as":"user"})", "", R"({"members":["ann","bob"]})"},
        {R"({"members":["bob"],"as":"team"})", "team:admin",
         R"({"members":["bob","team:admin"],"as":"team"})"},
        {R"({"members":["bob","team:admin"]})", "team:admin",
         R"({"members":["bob","team:admin"],"as":"team"})"},
        {R"({"members":["team:admin"],"as":"user"})", "team:admin",
         R"({"members":["ann","team:admin"],"as":"user"})"},
    };
    for (const auto& row : rows) {
        const auto start = parseStart(row.body, "ann", bounds, row.team);
        EXPECT_FOR(start.ok(), row.body);
        EXPECT_TEXT(encode(start.value()), row.canonical);
        const auto again = parseStart(row.canonical, "ann", {}, row.team);
        EXPECT_FOR(again.ok() && again->asTeam == start->asTeam, row.canonical);
        EXPECT_TEXT(encode(again.value()), row.canonical);
    }
    struct {
        std::string_view body;
        std::string_view team;
        std::string_view field;
    } const bad[] = {
        {R"({"members":["team:sales"]})", "", "members"},
        {R"({"members":["team:Admin"]})", "", "members"},
        {R"({"members":["bob","team:"]})", "", "members"},
        {R"({"members":["team:admin"]})", "team:admin", "members"},  // with nobody
        {R"({"members":["bob"],"as":"team"})", "", "as"},
        {R"({"members":["bob"],"as":"team:admin"})", "team:admin", "as"},
        {R"({"members":["bob"],"as":null})", "team:admin", "as"},
    };
    for (const auto& row : bad) {
        const auto start = parseStart(row.body, "ann", bounds, row.team);
        EXPECT_FOR(!start.ok(), row.body);
        EXPECT_FAILURE(start.status(), Code::InvalidField, row.field);
    }
    const std::vector<std::string> none;
    bounds.teams = &none;
    EXPECT_FAILURE(parseStart(rows[0].body, "ann", bounds).status(), Code::InvalidField,
                   "members");
}

START_TEST(asWhomSomebodyTakesPart) {
    Conversation conversation;
    conversation.members = {"ann", "bob", "team:desk"};
    const auto memberFor = [&](const char* user, const char* team) {
        const std::string* member =
            memberOf(conversation, {"shop", user, "", "", team});
        return member == nullptr ? "nobody" : *member;
    };
    EXPECT_TEXT(memberFor("ann", ""), "ann");
    EXPECT_TEXT(memberFor("ann", "team:desk"), "ann");
    EXPECT_TEXT(memberFor("cat", "team:desk"), "team:desk");
    EXPECT_TEXT(memberFor("cat", "team:admin"), "nobody");
    EXPECT_TEXT(memberFor("cat", ""), "nobody");
}

START_TEST(unreadArguments) {
    for (const bool team : {false, true}) {
        const auto back = parseUnread(encode(UnreadArguments{team}));
        ck_assert(back.ok() && back->team == team);
    }
    for (const std::string_view bad : {"{\"team\":1}", "{\"member\":\"ann\"}", "x"}) {
        EXPECT_FAILURE(parseUnread(bad).status(), Code::InvalidField, "team");
    }
}

START_TEST(oneInbox) {
    Desk desk;
    EXPECT_TEXT(desk.row(desk.id, kDesk), "1 0 0 0 help");
    // Two of its people answer; the numbers are the team's.
    EXPECT_TEXT(
        at(desk.ask(of(sendOf("ann", desk.id, "yes?"), kDesk)).body, "senderId"),
        "ann");
    EXPECT_TEXT(eventsFor(desk.effects, kDesk), "message");
    EXPECT_TEXT(eventsFor(desk.effects, "bob"), "message unread");
    EXPECT_TEXT(eventsFor(desk.effects, "ann"), "");
    desk.ask(of(sendOf("amy", desk.id, "me too"), kDesk));
    EXPECT_TEXT(desk.row(desk.id, kDesk), "3 2 0 0 me too");
    const Message& second = desk.database.messages[refOf(desk.id)][2];
    EXPECT_TEXT(second.sender + ' ' + second.member, "ann team:desk");
    EXPECT_TEXT(desk.messages(desk.id), "1:help 2:yes? 3:me too");

    // One reads for all.
    const Reply read = desk.ask(of(readOf("amy", desk.id), kDesk));
    EXPECT_TEXT(at(read.body, "unreadCount"), "0");
    EXPECT_TEXT(at(eventFor(desk.effects, "bob", "read"), "member"), kDesk);
    EXPECT_TEXT(at(eventFor(desk.effects, "bob", "read"), "userId"), "amy");
    EXPECT_TEXT(at(eventFor(desk.effects, kDesk, "unread"), "member"), kDesk);
    EXPECT_TEXT(desk.list("ann", kDesk), "me too:team:desk");
    EXPECT_TEXT(desk.list("ann", kDesk, "{\"unread\":\"true\"}"), "");
    const Reply history = desk.look(Operation::History, "ann", kDesk);
    EXPECT_TEXT(at(history.body, "messages.0.read"), "true");   // bob's, by the team
    EXPECT_TEXT(at(history.body, "messages.2.read"), "false");  // the team's, by bob

    // Archived by one, for the team.
    desk.ask(of(changeOf("ann", desk.id, "{\"archived\":true}"), kDesk));
    EXPECT_TEXT(eventsFor(desk.effects, kDesk), "conversation");
    EXPECT_TEXT(eventsFor(desk.effects, "bob"), "");
    EXPECT_TEXT(desk.list("amy", kDesk, "{\"archived\":\"true\"}"), "me too:team:desk");
}

START_TEST(nobodyElses) {
    Desk desk;
    for (const char* team : {"", "team:Desk", "team:sales"}) {
        ck_assert(desk.ask(of(sendOf("ann", desk.id, "x"), team)).code ==
                  Code::NotFound);
        ck_assert(desk.look(Operation::History, "ann", team).code == Code::NotFound);
        ck_assert(desk.look(Operation::Conversation, "ann", team).code ==
                  Code::NotFound);
        EXPECT_TEXT(desk.list("ann", team), "");
    }
    ck_assert(desk.look(Operation::UnreadCount, "ann", "", "{\"team\":true}").code ==
              Code::InvalidField);
}

START_TEST(startsAsTheTeam) {
    Desk desk;
    StartArguments start;
    start.members = {"bob", kDesk};
    start.asTeam = true;
    start.ticket = true;
    start.content = "we write";
    const Delivered entry = of(startOf("ann", start, "c:1"), kDesk);
    const Reply reply = desk.ask(entry);
    ck_assert_int_eq(reply.status, 201);
    EXPECT_TEXT(at(reply.body, "conversation.member"), kDesk);
    EXPECT_TEXT(at(reply.body, "conversation.members.1.role"), "desk");
    EXPECT_TEXT(at(reply.body, "conversation.unreadCount"), "0");
    EXPECT_TEXT(desk.row(entry.command.conversation, "ann"), "none");
    EXPECT_TEXT(desk.row(entry.command.conversation, kDesk), "1 1 0 0 we write");
    // Without a word only the team lists it, whoever of it began.
    StartArguments quiet;
    quiet.members = {"cat", kDesk};
    quiet.asTeam = true;
    desk.ask(of(startOf("ann", quiet), kDesk));
    EXPECT_TEXT(eventsFor(desk.effects, kDesk), "conversation");
    EXPECT_TEXT(eventsFor(desk.effects, "cat"), "");
    // As a team that the caller is not of.
    ck_assert(desk.ask(of(startOf("eve", start, "c:2"), "")).code ==
              Code::InvalidField);
}

// A member in person, and of the team that is one too.
START_TEST(ownBeforeTheTeams) {
    Desk desk;
    const std::vector<std::string> all = {"ann", "bob", kDesk};
    const std::string both = idOf(all);
    desk.ask(of(startOf("bob", all, "to both"), ""));
    desk.ask(of(sendOf("ann", both, "for myself"), kDesk));
    EXPECT_TEXT(desk.row(both, "ann"), "2 1 0 0 for myself");
    EXPECT_TEXT(desk.row(both, kDesk), "2 0 0 0 for myself");
    EXPECT_TEXT(eventsFor(desk.effects, kDesk), "message unread");
    desk.ask(of(readOf("ann", both), kDesk));
    EXPECT_TEXT(desk.row(both, "ann"), "2 1 2 1 for myself");
    EXPECT_TEXT(desk.row(both, kDesk), "2 0 0 0 for myself");
    // It is listed once, as hers: not unread, whatever the team has read.
    EXPECT_TEXT(desk.list("ann", kDesk, "{\"unread\":\"true\"}"), "help:team:desk");
    EXPECT_TEXT(
        desk.list("amy", kDesk, "{\"unread\":\"true\",\"limit\":1}").substr(0, 4),
        desk.list("amy", kDesk, "{\"unread\":\"true\"}").substr(0, 4));
    std::istringstream words(desk.list("ann", kDesk));
    ck_assert_int_eq(std::distance(std::istream_iterator<std::string>(words), {}), 3);

    const std::string own = desk.look(Operation::UnreadCount, "ann", kDesk, "{}").body;
    const std::string team =
        desk.look(Operation::UnreadCount, "ann", kDesk, "{\"team\":true}").body;
    EXPECT_TEXT(at(own, "count"), "0");
    EXPECT_TEXT(at(own, "own"), "1");
    EXPECT_TEXT(at(team, "count"), "3");
    const auto badge = joinBadges(own, team, kDesk);
    ck_assert(badge.has_value());
    EXPECT_TEXT(*badge, "{\"count\":1,\"conversations\":{\"" + desk.id + "\":1}}");
    const std::string amy = desk.look(Operation::UnreadCount, "amy", kDesk, "{}").body;
    EXPECT_TEXT(at(*joinBadges(amy, team, kDesk), "count"), "3");
}

// Pages over both inboxes, whatever moves meanwhile and however many have one time.
START_TEST(pagesOfBoth) {
    for (const uint64_t step : {uint64_t{0}, uint64_t{1}}) {
        for (int limit = 1; limit <= 5; ++limit) {
            Desk desk;
            for (int i = 0; i < 12; ++i) {
                const std::string user = "u" + std::to_string(i);
                Delivered start = startOf(user, {user, i % 3 == 0 ? "ann" : kDesk},
                                          std::to_string(i));
                start.at = kNow + 1 + static_cast<uint64_t>(i) * step;
                desk.ask(start);
            }
            std::set<std::string> seen;
            std::string cursor;
            for (int pages = 0; pages < 40 && cursor != "null"; ++pages) {
                const std::string from =
                    cursor.empty() ? "" : ",\"cursor\":\"" + cursor + "\"";
                std::istringstream words(desk.list(
                    "ann", kDesk, "{\"limit\":" + std::to_string(limit) + from + "}"));
                seen.insert(std::istream_iterator<std::string>(words), {});
                cursor = desk.cursor;
                if (pages == 1) {  // one of each moves up, unseen perhaps
                    for (const int moved : {0, 1}) {
                        const std::string user = "u" + std::to_string(moved);
                        Delivered up =
                            sendOf(user, idOf({user, moved == 0 ? "ann" : kDesk}),
                                   "moved" + std::to_string(moved));
                        up.at = kNow + 100;
                        desk.ask(up);
                    }
                }
            }
            EXPECT_TEXT(cursor, "null");
            for (int i = 2; i < 12; ++i) {
                const std::string wanted =
                    std::to_string(i) + (i % 3 == 0 ? ":ann" : ":team:desk");
                EXPECT_FOR(seen.count(wanted) == 1, wanted);
            }
            EXPECT_FOR(seen.count("moved0:ann") + seen.count("0:ann") > 0, "0");
            EXPECT_FOR(seen.count("moved1:team:desk") + seen.count("1:team:desk") > 0,
                       "1");
            EXPECT_FOR(seen.count("help:team:desk") == 1, "help");
        }
    }
}

// Whose role changes is told once, in their own inbox.
START_TEST(aRoleThatIsGone) {
    Desk desk;
    const std::string event = revokedEvent(inboxId("shop", kDesk));
    const auto named = [&](const User& user) {
        desk.writer->learn(user);
        Effects effects;
        ck_assert(desk.writer->nameUsers(effects).ok());
        return effects;
    };
    EXPECT_TEXT(eventsFor(named({"shop", "ann", "desk", "Ann"}), "ann"), "");
    EXPECT_TEXT(eventsFor(named({"shop", "ann", "desk", "Ann B."}), "ann"), "");
    Effects effects = named({"shop", "ann", "member", "Ann B."});
    EXPECT_TEXT(eventsFor(effects, "ann"), "revoked");
    EXPECT_TEXT(eventFor(effects, "ann", "revoked"), event);
    EXPECT_TEXT(eventsFor(named({"shop", "ann", "member", "Ann B."}), "ann"), "");
    // Another worker, which does not remember; and with a command of theirs.
    named({"shop", "ann", "desk", "Ann"});
    desk.restart();
    Delivered entry = of(sendOf("ann", desk.id, "x"), kDesk);
    entry.command.who.role = "member";
    desk.ask(entry);
    EXPECT_TEXT(eventFor(desk.effects, "ann", "revoked"), event);
    // A sign-in that says nothing takes a role away too, and no name; once.
    named({"shop", "amy", "desk", "Amy"});
    EXPECT_TEXT(eventFor(named({"shop", "amy", "", ""}), "amy", "revoked"), event);
    EXPECT_TEXT(eventsFor(named({"shop", "amy", "", ""}), "amy"), "");
    EXPECT_TEXT((desk.database.users[{"shop", "amy"}].name), "Amy");
    named({"shop", "amy", "desk", "Amy"});
    EXPECT_TEXT(eventFor(named({"shop", "amy", "", ""}), "amy", "revoked"), event);
    desk.restart();
    EXPECT_TEXT(eventFor(named({"shop", "amy", "", ""}), "amy", "revoked"), event);
    EXPECT_TEXT(eventsFor(named({"shop", "nobody", "", ""}), "nobody"), "");
    // A failure is tried again.
    desk.writer->learn({"shop", "ann", "desk", "Ann"});
    desk.store.failAt(1, MemoryStore::Fault::Definite);
    ck_assert(!desk.writer->nameUsers(effects).ok());
    effects = Effects();
    ck_assert(desk.writer->nameUsers(effects).ok());
    EXPECT_TEXT(eventFor(effects, "ann", "revoked"),
                revokedEvent(inboxId("shop", "team:member")));
}

START_TEST(badgesOfTwo) {
    const std::string own =
        R"({"team":"team:desk","count":3,"conversations":{"a":2,"b":1},"own":["c","x"]})";
    const std::string team = R"({"count":10,"conversations":{"b":2,"c":3,"d":5}})";
    ck_assert(core::isPlain(team) && !core::isPlain(own));
    ck_assert(core::isBeside(own, kDesk) && !core::isBeside(own, "team:des"));
    ck_assert(!core::isBeside(team, kDesk));
    EXPECT_TEXT(*joinBadges(own, team, kDesk),
                R"({"count":8,"conversations":{"a":2,"b":1,"d":5}})");
    EXPECT_TEXT(
        *joinBadges(R"({"team":"team:desk","count":0,"conversations":{},"own":[]})",
                    R"({"count":0,"conversations":{}})", kDesk),
        R"({"count":0,"conversations":{}})");
    for (const std::string& bad :
         {std::string(), team, std::string("{}"), own.substr(0, 40),
          std::string(R"({"team":"team:desk","count":-1,"conversations":{},"own":[]})"),
          std::string(R"({"team":"team:desk","count":1,"conversations":[],"own":[]})"),
          std::string(
              R"({"team":"team:desk","count":1,"conversations":{"a":"b"},"own":[]})"),
          std::string(R"({"team":"team:desk","count":1,"conversations":{}})")}) {
        EXPECT_FOR(!joinBadges(bad, team, kDesk), bad);
    }
    ck_assert(!joinBadges(own, "[]", kDesk));
    ck_assert(!joinBadges(own, team, "team:sales"));
    // As many as a badge names, of both.
    std::string many = R"({"count":1000,"conversations":{)";
    for (unsigned i = 0; i < limits::kMaxBadge; ++i) {
        many += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + "\":1";
    }
    const auto badge = joinBadges(own, many + "}}", kDesk);
    ck_assert(badge && at(*badge, "count") == "1003");
    EXPECT_TEXT(at(*badge, "conversations"), std::to_string(limits::kMaxBadge));
}

}  // namespace

Suite* teamSuite() {
    return suiteOf("team", {startOfATeam, asWhomSomebodyTakesPart, unreadArguments,
                            oneInbox, nobodyElses, startsAsTheTeam, ownBeforeTheTeams,
                            pagesOfBoth, aRoleThatIsGone, badgesOfTwo});
}

}  // namespace messaging::unit
