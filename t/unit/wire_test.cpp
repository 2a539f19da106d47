// Tests for wire: golden bytes, so that no change of the protocol passes unnoticed;
// round trips; and bytes of an enemy's, which are refused whole.
#include "schema/wire.hpp"

#include <algorithm>

#include "schema/limits.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using namespace std::string_view_literals;

const char* const kId = "00112233445566778899aabbccddeeff";

Command aCommand() {
    Command command;
    command.operation = Operation::Send;
    command.id = kId;
    command.who = {"shop", "ann", "buyer", "Ann É.", "team:buyer"};
    command.conversation = "c1";
    command.key = "c:k1";
    command.body = "{\"content\":\"hi\"}";
    command.reply = "msg:reply:p1";
    command.ttl = 5000;
    return command;
}

std::string joined(const Fields& fields) {
    std::string text;
    for (const auto& [name, value] : fields) {
        text += std::string(name) + '=' + std::string(value) + '\n';
    }
    return text;
}

// --- Operations

START_TEST(operations) {
    struct {
        Operation operation;
        std::string_view name;
        bool write;
    } const rows[] = {
        {Operation::Start, "start", true},
        {Operation::Send, "send", true},
        {Operation::Read, "read", true},
        {Operation::Change, "change", true},
        {Operation::History, "history", false},
        {Operation::List, "list", false},
        {Operation::Conversation, "conversation", false},
        {Operation::Thread, "thread", false},
        {Operation::UnreadCount, "unread-count", false},
        {Operation::Stream, "stream", false},
        {Operation::Status, "status", false},
    };
    for (const auto& row : rows) {
        EXPECT_TEXT(operationName(row.operation), row.name);
        EXPECT_FOR(operationNamed(row.name) == row.operation, row.name);
        EXPECT_FOR(isWrite(row.operation) == row.write, row.name);
    }
    for (const std::string_view name : {"", "Send", "send ", "unread_count", "drop"}) {
        EXPECT_FOR(!operationNamed(name), name);
    }
}

// --- Commands

START_TEST(commandGolden) {
    std::string scratch;
    const Command command = aCommand();
    EXPECT_TEXT(
        joined(encodeCommand(command, scratch)),
        "v=1\nop=send\nid=00112233445566778899aabbccddeeff\nsite=shop\nuser=ann\n"
        "role=buyer\nname=Ann "
        "É.\nteam=team:buyer\nconv=c1\nkey=c:k1\nbody={\"content\":\"hi\"}\n"
        "reply=msg:reply:p1\nttl=5000\n");
    Command profiled = command;
    profiled.profile = std::string(kId) + ":3";
    EXPECT_TEXT(joined(encodeCommand(profiled, scratch))
                    .substr(joined(encodeCommand(command, scratch)).size()),
                "profile=00112233445566778899aabbccddeeff:3\n");
}

void expectRoundTrip(const Command& command) {
    std::string scratch;
    std::string again;
    const Fields fields = encodeCommand(command, scratch);
    Command partial;
    const Result<Command> back = decodeCommand(fields, &partial);
    EXPECT_FOR(back.ok(), joined(fields) + back.status().detail());
    EXPECT_TEXT(joined(encodeCommand(back.value(), again)), joined(fields));
    EXPECT_TEXT(partial.id, command.id);
    EXPECT_TEXT(partial.reply, command.reply);
    ck_assert(decodeCommand(fields, nullptr).ok());
}

START_TEST(commandRoundTrips) {
    for (const Operation operation :
         {Operation::Start, Operation::Send, Operation::Read, Operation::History,
          Operation::List, Operation::Conversation, Operation::UnreadCount}) {
        Command command = aCommand();
        command.operation = operation;
        if (operation == Operation::List || operation == Operation::UnreadCount) {
            command.conversation.clear();
        }
        expectRoundTrip(command);
        if (operation != Operation::Start && operation != Operation::Send) {
            command.key.clear();
            command.body.clear();
            expectRoundTrip(command);
        }
    }
    for (const char* conversation : {"", "c1"}) {
        Command thread = aCommand();
        thread.operation = Operation::Thread;
        thread.conversation = conversation;
        thread.profile = kId;
        expectRoundTrip(thread);
    }
    Command largest = aCommand();
    largest.who = {repeat("😀", limits::kMaxId), repeat("ж", limits::kMaxId),
                   repeat("r", limits::kMaxName), repeat("€", limits::kMaxName)};
    largest.conversation = repeat("c", limits::kMaxId);
    largest.key = "i:" + repeat("é", limits::kMaxId);
    largest.body = repeat("b", limits::kMaxArguments);
    largest.reply = repeat("r", 256);
    largest.ttl = 60000;
    expectRoundTrip(largest);
}

START_TEST(commandFieldsInAnyOrder) {
    const Command command = aCommand();
    std::string scratch;
    Fields fields = encodeCommand(command, scratch);
    std::reverse(fields.begin(), fields.end());
    ck_assert(decodeCommand(fields, nullptr).ok());
}

// One field of a good command is replaced (or, absent in it, added).
Fields with(Fields fields, std::string_view name, std::string_view value) {
    for (auto& field : fields) {
        if (field.first == name) {
            field.second = value;
            return fields;
        }
    }
    fields.emplace_back(name, value);
    return fields;
}

START_TEST(commandRefuses) {
    const std::string longId = repeat("x", limits::kMaxId + 1);
    const std::string longKey = "c:" + longId;
    const std::string longName = repeat("x", limits::kMaxName + 1);
    const std::string longBody = repeat("b", limits::kMaxArguments + 1);
    const std::string longReply = repeat("r", 257);
    const std::pair<std::string_view, std::string_view> rows[] = {
        {"v", ""},
        {"v", "x"},
        {"v", "-1"},
        {"v", " 1"},
        {"op", ""},
        {"op", "drop"},
        {"op", "SEND"},
        {"op", "stream"},
        {"op", "status"},
        {"id", ""},
        {"id", "0011"},
        {"id", "00112233445566778899AABBCCDDEEFF"},
        {"id", "00112233445566778899aabbccddeef\n"},
        {"id", "00112233445566778899aabbccddeeff0"},
        {"site", ""},
        {"site", longId},
        {"site", "a\nb"},
        {"site", "\xFF"},
        {"site", " shop"},
        {"user", ""},
        {"user", longId},
        {"user", "a\0b"sv},
        {"user", "team:sales"},
        {"user", "\xED\xA0\x80"},
        {"role", longName},
        {"role", "a\r"},
        {"role", "\xC3"},
        {"name", longName},
        {"name", "a\nb"},
        {"name", "\x80"},
        {"team", "buyer"},
        {"team", "team:"},
        {"team", "team:Buyer"},
        {"team", "team:buyer2"},
        {"conv", ""},
        {"conv", longId},
        {"conv", "c\n1"},
        {"conv", "\xC0\x80"},
        {"key", ""},
        {"key", "k"},
        {"key", "c:"},
        {"key", "x:1"},
        {"key", "i: a"},
        {"key", longKey},
        {"key", "c:\xFF"},
        {"key", "C:1"},
        {"key", "c:a\nb"},
        {"body", longBody},
        {"body", "\xFF"},
        {"reply", ""},
        {"reply", longReply},
        {"reply", "a b"},
        {"reply", "a\nb"},
        {"reply", "\xC3\xA9"},
        {"reply", "\x7F"},
        {"ttl", ""},
        {"ttl", "0"},
        {"ttl", "-5"},
        {"ttl", "5s"},
        {"ttl", "60001"},
        {"ttl", "4294967296"},
        {"ttl", "99999999999999999999"},
        {"profile", "00112233"},
        {"profile", "00112233445566778899AABBCCDDEEFF"},
        {"profile", "00112233445566778899aabbccddeeff:"},
        {"profile", "00112233445566778899aabbccddeeff:x"},
        {"profile", "00112233445566778899aabbccddeeff:999"},
    };
    const Command command = aCommand();
    std::string scratch;
    const Fields good = encodeCommand(command, scratch);
    for (const auto& [name, value] : rows) {
        const Result<Command> result = decodeCommand(with(good, name, value), nullptr);
        EXPECT_FOR(!result.ok(), joined({{name, value}}));
        EXPECT_FAILURE(result.status(), Code::InvalidField, name);
    }
    // Every field without which nothing can be done, left out.
    for (const std::string_view name :
         {"v", "op", "id", "site", "user", "conv", "key", "reply", "ttl"}) {
        Fields fewer;
        for (const auto& field : good) {
            if (field.first != name) {
                fewer.push_back(field);
            }
        }
        EXPECT_FAILURE(decodeCommand(fewer, nullptr).status(), Code::InvalidField,
                       name);
    }
    EXPECT_FAILURE(decodeCommand({}, nullptr).status(), Code::InvalidField, "v");
}

START_TEST(commandRefusesForeignFields) {
    const Command command = aCommand();
    std::string scratch;
    Fields fields = encodeCommand(command, scratch);
    ck_assert(decodeCommand(with(fields, "admin", "1"), nullptr).status().code() ==
              Code::InvalidField);
    ck_assert(decodeCommand(with(fields, "", ""), nullptr).status().code() ==
              Code::InvalidField);
    fields.emplace_back("user", "eve");
    ck_assert(decodeCommand(fields, nullptr).status().code() == Code::InvalidField);
}

START_TEST(commandWithoutConversation) {
    Command command = aCommand();
    command.operation = Operation::List;
    std::string scratch;
    EXPECT_FAILURE(decodeCommand(encodeCommand(command, scratch), nullptr).status(),
                   Code::InvalidField, "conv");
}

START_TEST(badCommandCanBeAnswered) {
    const Command command = aCommand();
    std::string scratch;
    const Fields good = encodeCommand(command, scratch);
    Command partial;
    // Another version may have other fields.
    const Fields newer = with(with(good, "v", "2"), "new", "x");
    EXPECT_FAILURE(decodeCommand(newer, &partial).status(), Code::UnsupportedVersion,
                   "");
    EXPECT_TEXT(partial.id, kId);
    EXPECT_TEXT(partial.reply, "msg:reply:p1");
    ck_assert(!decodeCommand(with(good, "op", "?"), &partial).ok());
    EXPECT_TEXT(partial.id, kId);
    // Nothing that is not valid itself; nothing left of the one before.
    ck_assert(!decodeCommand(with(good, "reply", "a b"), &partial).ok());
    EXPECT_TEXT(partial.id, kId);
    EXPECT_TEXT(partial.reply, "");
    ck_assert(!decodeCommand(with(good, "id", "1\n2"), &partial).ok());
    EXPECT_TEXT(partial.id, "");
    ck_assert(!decodeCommand({}, &partial).ok());
    EXPECT_TEXT(partial.reply, "");
}

// --- Replies

START_TEST(replyGolden) {
    Reply reply;
    reply.id = kId;
    reply.status = 201;
    reply.body = "{\"a\":1}";
    EXPECT_TEXT(encodeReply(reply),
                "1 00112233445566778899aabbccddeeff 201 - -\n{\"a\":1}");

    reply.seq = 7;
    reply.conversation = "c 1";
    EXPECT_TEXT(encodeReply(reply),
                "1 00112233445566778899aabbccddeeff 201 - 7 c 1\n{\"a\":1}");

    Reply failure;
    failure.id = kId;
    failure.code = Code::InvalidField;
    failure.field = "members";
    failure.body = "not shown";
    EXPECT_TEXT(encodeReply(failure),
                "1 00112233445566778899aabbccddeeff 400 invalid_field members\n");
}

START_TEST(replyRoundTrips) {
    for (const int status : {200, 201, 204}) {
        Reply reply;
        reply.id = kId;
        reply.status = status;
        reply.seq = status == 200 ? UINT64_MAX : 0;
        reply.conversation = status == 200 ? "ü 1" : "";
        reply.body = status == 204 ? "" : "{\"x\":[1,2,{\"y\":\"z\"}]}";
        const Result<Reply> back = decodeReply(encodeReply(reply));
        ck_assert(back.ok());
        EXPECT_TEXT(back->id, kId);
        ck_assert_int_eq(back->status, status);
        ck_assert(back->code == Code::Ok);
        ck_assert_uint_eq(back->seq, reply.seq);
        EXPECT_TEXT(back->conversation, reply.conversation);
        EXPECT_TEXT(back->field, "");
        EXPECT_TEXT(back->body, reply.body);
    }
    for (int code = 1; code <= static_cast<int>(Code::Timeout); ++code) {
        Reply reply;
        reply.id = kId;
        reply.code = static_cast<Code>(code);
        reply.field = code % 2 == 0 ? "content" : "";
        const Result<Reply> back = decodeReply(encodeReply(reply));
        ck_assert(back.ok());
        ck_assert_int_eq(static_cast<int>(back->code), code);
        ck_assert_int_ge(back->status, 400);
        EXPECT_TEXT(back->field, reply.field);
        EXPECT_TEXT(back->body, "");
    }
}

// A client may choose the name of a field that is unknown.
START_TEST(replyFieldCannotForge) {
    const std::pair<std::string, std::string> rows[] = {
        {"a b", "a?b"},
        {"x\n{\"forged\":1}", "x???forged??1?"},
        {"\r\n", "??"},
        {"-", "?"},
        {"ж", "??"},
        {repeat("k", 1000), repeat("k", 64)},
        {std::string("\0", 1), "?"},
    };
    for (const auto& [field, shown] : rows) {
        Reply reply;
        reply.id = kId;
        reply.code = Code::UnknownField;
        reply.field = field;
        const Result<Reply> back = decodeReply(encodeReply(reply));
        EXPECT_FOR(back.ok(), field);
        EXPECT_TEXT(back->field, shown);
    }
}

START_TEST(replyRefuses) {
    const std::string id(kId);
    const std::string rows[] = {
        "",
        "1",
        "1 ",
        "\n",
        id,
        "1 " + id,
        "1 " + id + " 200",
        "1 " + id + " 200 - -",        // no line end
        "1 " + id + " 200 -\n{}",      // a part less
        "1 " + id + " 200 - - -\n{}",  // one more
        "1  " + id + " 200 - -\n{}",   // an empty one
        " 1 " + id + " 200 - -\n{}",
        "1 x 200 - -\n{}",
        "1 " + id + "0 200 - -\n{}",
        "1 " + id + " 99 - -\n{}",
        "1 " + id + " 0200 - -\n{}",
        "1 " + id + " 2x0 - -\n{}",
        "1 " + id + " -20 - -\n{}",
        "1 " + id + " 100 - -\n{}",
        "1 " + id + " 302 - -\n{}",
        "1 " + id + " 404 - -\n",          // a failure needs its code
        "1 " + id + " 200 not_found -\n",  // and its status
        "1 " + id + " 500 not_found -\n",
        "1 " + id + " 404 nonsense -\n",
        "1 " + id + " 404 not_found -\n{}",  // and no body
        "1 " + id + " 200 - content\n{}",
        "1 " + id + " 200 - 0 c\n{}",
        "1 " + id + " 200 - 7\n{}",
        "1 " + id + " 200 - 7 \n{}",
        "1 " + id + " 200 - 7 c\t1\n{}",
        "1 " + id + " 200 - 07 c\n{}",
        "1 " + id + " 200 - -7 c\n{}",
        "1 " + id + " 200 - 99999999999999999999 c\n{}",
        "1 " + id + " 404 not_found \n",
        "1 " + id + " 400 invalid_field a\tb\n",
        "1 " + id + " 400 invalid_field <b>\n",
        "1 " + id + " 400 invalid_field " + repeat("k", 65) + "\n",
        "1 " + id + " 200 - -\n{",
        "1 " + id + " 200 - -\n{}\n",
        "1 " + id + " 200 - -\n\n{}",
        "1 " + id + " 200 - -\n{\"a\":\n1}",
        "1 " + id + " 200 - -\r\n{}",
        "1 " + id + " 200 - -\n{}{}",
        "1 " + id + " 200 - -\n\"\xFF\"",
        "1 " + id + " 200 - -\n<html>",
        "x " + id + " 200 - -\n{}",
        "01 " + id + " 200 - -\n{}",
    };
    for (const std::string& bytes : rows) {
        EXPECT_FOR(!decodeReply(bytes).ok(), bytes);
    }
    EXPECT_FAILURE(decodeReply("2 whatever it will be").status(),
                   Code::UnsupportedVersion, "");
    EXPECT_FAILURE(decodeReply("x").status(), Code::Internal, "");
    const std::string endless =
        "1 " + id + " 200 - -\n\"" + repeat("a", limits::kMaxReply);
    EXPECT_FAILURE(decodeReply(endless + "\"").status(), Code::Internal, "");
}

// --- Events

START_TEST(eventsGolden) {
    EXPECT_TEXT(encodeEvents({}), "");
    EXPECT_TEXT(encodeEvents({{"message", "{\"seq\":1}"}, {"unread", "{}"}}),
                "message {\"seq\":1}\nunread {}\n");
}

START_TEST(eventsRoundTrip) {
    const std::vector<Event> events = {
        {"message", "{\"content\":\"a b\\nc\"}"}, {"reset", "null"}, {"a", "[1, 2]"}};
    const auto back = decodeEvents(encodeEvents(events));
    ck_assert(back.ok());
    ck_assert_uint_eq(back->size(), 3);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_TEXT(back->at(i).type, events[i].type);
        EXPECT_TEXT(back->at(i).data, events[i].data);
    }
    ck_assert(decodeEvents("").ok() && decodeEvents("")->empty());
}

START_TEST(eventsRefuse) {
    const std::string rows[] = {
        "message {}",  // no line end
        "message\n",   // no data
        "message \n",
        " {}\n",
        "\n",
        "message {}\n\n",
        "Message {}\n",
        "me-ssage {}\n",
        "message1 {}\n",
        "m\xC3\xA9 {}\n",
        repeat("a", 33) + " {}\n",
        "message {}\r\n",
        "message {\n}\n",
        "message {\r}\n",
        "message {} {}\n",
        "message {}\nunread {",
        "message {}\nunread x\n",
        "message {}\n1 0-0 0-0\n",
        "message \"\xFF\"\n",
        "message \"\\ud800\"\n",
        "message \"" + repeat("a", limits::kMaxEvent) + "\"\n",
        std::string("message {}\0\n", 12),
    };
    for (const std::string& bytes : rows) {
        EXPECT_FOR(!decodeEvents(bytes).ok(), bytes);
    }
    ck_assert(decodeEvents(repeat("a", 32) + " {}\n").ok());
    const std::string longest = "m \"" + repeat("a", limits::kMaxEvent - 4) + "\"\n";
    ck_assert(decodeEvents(longest).ok());
    ck_assert(!decodeEvents(repeat(longest, 33)).ok());
}

START_TEST(logIds) {
    const auto id = parseLogId("1700000000000-12");
    ck_assert(id && id->milliseconds == 1700000000000 && id->sequence == 12);
    for (const std::string_view text : {"0-0", "0-1", "1-0", "1700000000000-12",
                                        "18446744073709551615-18446744073709551615"}) {
        EXPECT_FOR(parseLogId(text).has_value(), text);
        EXPECT_TEXT(formatLogId(*parseLogId(text)), text);
    }
    for (const std::string_view text :
         {"", "-", "1", "1-", "-1", "1-1-1", "01-0", "1-00", "+1-0", "1 -0", "1-0 ",
          "a-b", "18446744073709551616-0", "0-18446744073709551616", "1--1", "1-0\n",
          "$", "*"}) {
        EXPECT_FOR(!parseLogId(text), text);
    }
    ck_assert((LogId{1, 2} < LogId{1, 3}) && (LogId{1, 9} < LogId{2, 0}));
    ck_assert(!(LogId{1, 2} < LogId{1, 2}) && (LogId{1, 2} == LogId{1, 2}));
}

START_TEST(announcements) {
    const auto heard = decodeAnnouncement("1 5-1 7-0\nmessage {\"a\":1}\nunread {}\n");
    ck_assert(heard.ok());
    ck_assert((heard->previous == LogId{5, 1}) && (heard->id == LogId{7, 0}));
    ck_assert_uint_eq(heard->events.size(), 2);
    EXPECT_TEXT(heard->events[1].type, "unread");
    // Nobody keeps a log.
    const auto unkept = decodeAnnouncement("1 0-0 0-0\nmessage {}\n");
    ck_assert(unkept.ok() && unkept->id == LogId());
    const auto loss = decodeAnnouncement("1 0-0 0-0\n");
    ck_assert(loss.ok() && loss->id == LogId() && loss->events.empty());
    ck_assert(decodeAnnouncement("1 5-1 5-2\n").ok());
    // What is in no log.
    const std::string whisper = encodeWhisper({{"typing", "{\"a\":1}"}});
    EXPECT_TEXT(whisper, "1 - -\ntyping {\"a\":1}\n");
    const auto whispered = decodeAnnouncement(whisper);
    ck_assert(whispered.ok() && whispered->whispered && !heard->whispered);
    EXPECT_TEXT(whispered->events[0].type, "typing");

    for (const std::string_view bytes : {"",
                                         "1",
                                         "1 ",
                                         "1 5-1\n",
                                         "1 5-1 7-0",
                                         "1 5-1 7-0 \n",
                                         "1 5-1 7-0 x\n",
                                         "1 5-1 x\n",
                                         "1 x 7-0\n",
                                         "1 7-0 7-0\n",
                                         "1 7-0 5-1\n",
                                         "1 7-0 0-0\n",
                                         "1 5-1 7-0\nmessage {",
                                         "1 5-1 7-0\nmessage {}",
                                         "1 5-1 7-0\n\n",
                                         "1  5-1 7-0\n",
                                         "01 5-1 7-0\n",
                                         "1 5-1 07-0\n",
                                         "1 - 7-0\n",
                                         "1 5-1 -\n",
                                         "1 - -",
                                         "1 - -\ntyping {"}) {
        EXPECT_FOR(!decodeAnnouncement(bytes).ok(), bytes);
    }
    EXPECT_FAILURE(decodeAnnouncement("2 x").status(), Code::UnsupportedVersion, "");
}

}  // namespace

Suite* wireSuite() {
    return suiteOf(
        "wire", {operations, commandGolden, commandRoundTrips, commandFieldsInAnyOrder,
                 commandRefuses, commandRefusesForeignFields,
                 commandWithoutConversation, badCommandCanBeAnswered, replyGolden,
                 replyRoundTrips, replyFieldCannotForge, replyRefuses, eventsGolden,
                 eventsRoundTrip, eventsRefuse, logIds, announcements});
}

}  // namespace messaging::unit
