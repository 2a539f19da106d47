// Tests for model: what a client may send, to the character, and what it gets to see.
#include "schema/model.hpp"

#include "schema/json.hpp"
#include "schema/keys.hpp"
#include "schema/text.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

// {"content":"…"}, written unescaped as a browser does.
std::string contentBody(std::string_view content) {
    return "{\"content\":\"" + std::string(content) + "\"}";
}

std::string membersBody(size_t count) {
    std::string body = "{\"members\":[";
    for (size_t i = 0; i < count; ++i) {
        body += (i == 0 ? "\"u" : ",\"u") + std::to_string(i) + "\"";
    }
    return body + "]}";
}

// --- Arguments

START_TEST(start) {
    const auto arguments = parseStart(
        "{\"members\":[\"bob\",\"ann\",\"bob\"],\"content\":\"  hi \\n\"}", "cat");
    ck_assert(arguments.ok());
    ck_assert((arguments->members == std::vector<std::string>{"ann", "bob", "cat"}));
    EXPECT_TEXT(*arguments->content, "hi");
    EXPECT_TEXT(encode(arguments.value()),
                "{\"members\":[\"ann\",\"bob\",\"cat\"],\"content\":\"hi\"}");

    const auto silent = parseStart("{\"members\":[\"me\",\"you\"]}", "me");
    ck_assert(silent.ok() && !silent->content);
    EXPECT_TEXT(encode(silent.value()), "{\"members\":[\"me\",\"you\"]}");
}

START_TEST(startRefuses) {
    struct {
        std::string_view body;
        Code code;
        std::string_view field;
    } const rows[] = {
        {"", Code::InvalidJson, ""},
        {"[]", Code::InvalidJson, ""},
        {"null", Code::InvalidJson, ""},
        {"{}", Code::MissingField, "members"},
        {"{\"content\":\"x\"}", Code::MissingField, "members"},
        {"{\"members\":null}", Code::InvalidField, "members"},
        {"{\"members\":\"bob\"}", Code::InvalidField, "members"},
        {"{\"members\":{}}", Code::InvalidField, "members"},
        {"{\"members\":[]}", Code::InvalidField, "members"},
        {"{\"members\":[\"me\"]}", Code::InvalidField, "members"},
        {"{\"members\":[\"me\",\"me\"]}", Code::InvalidField, "members"},
        {"{\"members\":[1]}", Code::InvalidField, "members"},
        {"{\"members\":[null,\"bob\"]}", Code::InvalidField, "members"},
        {"{\"members\":[\"\"]}", Code::InvalidField, "members"},
        {"{\"members\":[\" bob\"]}", Code::InvalidField, "members"},
        {"{\"members\":[\"b\\nob\"]}", Code::InvalidField, "members"},
        {"{\"members\":[[\"bob\"]]}", Code::InvalidField, "members"},
        {"{\"members\":[\"bob\",\"team:\"]}", Code::InvalidField, "members"},
        {"{\"members\":[\"bob\"],\"content\":null}", Code::InvalidField, "content"},
        {"{\"members\":[\"bob\"],\"content\":\" \"}", Code::InvalidField, "content"},
        {"{\"members\":[\"bob\"],\"content\":7}", Code::InvalidField, "content"},
        {"{\"members\":[\"bob\"],\"sender\":\"eve\"}", Code::UnknownField, "sender"},
        {"{\"members\":[\"bob\"],\"members\":[\"eve\"]}", Code::InvalidJson, "members"},
    };
    for (const auto& row : rows) {
        const auto result = parseStart(row.body, "me");
        EXPECT_FOR(!result.ok(), row.body);
        EXPECT_FOR(result.status().code() == row.code, row.body);
        EXPECT_TEXT(result.status().field(), row.field);
    }
    ck_assert(parseStart("{\"members\":[\"steam:1\"]}", "me").ok());
}

START_TEST(memberLimit) {
    ck_assert(parseStart(membersBody(limits::kMaxMembers), "u0").ok());
    ck_assert(parseStart(membersBody(limits::kMaxMembers - 1), "caller").ok());
    EXPECT_FAILURE(parseStart(membersBody(limits::kMaxMembers), "caller").status(),
                   Code::InvalidField, "members");
    ArgumentLimits two;
    two.members = 2;
    ck_assert(parseStart(membersBody(1), "caller", two).ok());
    EXPECT_FAILURE(parseStart(membersBody(2), "caller", two).status(),
                   Code::InvalidField, "members");
}

START_TEST(contentLimit) {
    for (const std::string_view character : {"a", "é", "€", "😀"}) {
        const std::string most = repeat(character, limits::kMaxContent);
        const auto arguments = parseSend(contentBody(most));
        EXPECT_FOR(arguments.ok(), character);
        EXPECT_TEXT(arguments->content, most);
        ck_assert(parseSend(contentBody("  " + most + "\u3000")).ok());
        EXPECT_FAILURE(parseSend(contentBody(most + std::string(character))).status(),
                       Code::InvalidField, "content");
    }
    ArgumentLimits five;
    five.content = 5;
    ck_assert(parseSend(contentBody("ждите"), five).ok());
    ck_assert(!parseSend(contentBody("ждите!"), five).ok());
}

// What the module accepted is never too long for the worker.
START_TEST(longestCanonicalBody) {
    std::string body = "{\"members\":[";
    for (size_t i = 0; i + 1 < limits::kMaxMembers; ++i) {
        body += "\"" + repeat("<", limits::kMaxId - 2) + std::to_string(10 + i) + "\",";
    }
    body.back() = ']';
    body += ",\"content\":\"" + repeat("<", limits::kMaxContent) + "\"}";
    ck_assert_uint_lt(body.size(), limits::kMaxBody);
    const auto first = parseStart(body, "caller");
    ck_assert(first.ok());
    const std::string canonical = encode(first.value());
    ck_assert_uint_gt(canonical.size(), limits::kMaxBody);
    const auto second = parseStart(canonical, "caller");
    ck_assert(second.ok());
    EXPECT_TEXT(encode(second.value()), canonical);
}

START_TEST(send) {
    EXPECT_TEXT(parseSend("{\"content\":\"\\t hi \\u2029\"}")->content, "hi");
    EXPECT_TEXT(encode(SendArguments{"a<b>\n\"q\""}),
                "{\"content\":\"a\\u003cb\\u003e\\n\\\"q\\\"\"}");
    EXPECT_FAILURE(parseSend("{}").status(), Code::MissingField, "content");
    EXPECT_FAILURE(parseSend("").status(), Code::InvalidJson, "");
    EXPECT_FAILURE(parseSend("\"x\"").status(), Code::InvalidJson, "");
    EXPECT_FAILURE(parseSend("{\"content\":\"\"}").status(), Code::InvalidField,
                   "content");
    EXPECT_FAILURE(parseSend("{\"content\":\" \\u00a0\\ufeff \"}").status(),
                   Code::InvalidField, "content");
    EXPECT_FAILURE(parseSend("{\"content\":[\"x\"]}").status(), Code::InvalidField,
                   "content");
    EXPECT_FAILURE(parseSend("{\"content\":\"x\",\"seq\":9}").status(),
                   Code::UnknownField, "seq");
    EXPECT_FAILURE(parseSend("{\"content\":\"\\u0000\"}").status(), Code::InvalidJson,
                   "");
}

START_TEST(unknownFieldNameIsCut) {
    const Status status = parseSend("{\"" + repeat("k", 5000) + "\":1}").status();
    ck_assert(status.code() == Code::UnknownField);
    ck_assert(countCharacters(status.field()) == limits::kMaxName);
}

START_TEST(read) {
    ck_assert(parseRead("").ok() && !parseRead("")->seq);
    ck_assert(parseRead("{}").ok() && !parseRead("{}")->seq);
    ck_assert(parseRead("{\"seq\":7}")->seq == 7u);
    ck_assert(parseRead("{\"seq\":0}")->seq == 0u);
    ck_assert(parseRead("{\"seq\":9007199254740991}")->seq == limits::kMaxInteger);
    for (const std::string_view body :
         {"{\"seq\":\"7\"}", "{\"seq\":-1}", "{\"seq\":1.5}", "{\"seq\":null}",
          "{\"seq\":9007199254740992}", "{\"seq\":1e2}", "{\"seq\":true}"}) {
        EXPECT_FAILURE(parseRead(body).status(), Code::InvalidField, "seq");
    }
    EXPECT_TEXT(encode(ReadArguments{}), "{}");
    EXPECT_TEXT(encode(ReadArguments{7}), "{\"seq\":7}");
}

START_TEST(history) {
    const auto plain = parseHistory("");
    ck_assert(plain.ok() && !plain->before && !plain->after);
    ck_assert_uint_eq(plain->limit, limits::kDefaultPage);
    EXPECT_TEXT(encode(plain.value()), "{\"limit\":50}");

    const auto older = parseHistory("{\"before\":\"10\",\"limit\":\"200\"}");
    ck_assert(older.ok() && older->before == 10u && older->limit == 200);
    EXPECT_TEXT(encode(older.value()), "{\"before\":10,\"limit\":200}");
    const auto newer = parseHistory("{\"after\":0,\"limit\":1}");
    ck_assert(newer.ok() && newer->after == 0u && newer->limit == 1);
    EXPECT_TEXT(encode(newer.value()), "{\"after\":0,\"limit\":1}");

    struct {
        std::string_view body;
        std::string_view field;
    } const bad[] = {
        {"{\"before\":1,\"after\":1}", "after"},
        {"{\"limit\":0}", "limit"},
        {"{\"limit\":201}", "limit"},
        {"{\"limit\":\"\"}", "limit"},
        {"{\"limit\":\"-1\"}", "limit"},
        {"{\"limit\":\"1.0\"}", "limit"},
        {"{\"limit\":null}", "limit"},
        {"{\"before\":\"x\"}", "before"},
        {"{\"before\":\" 1\"}", "before"},
        {"{\"before\":[]}", "before"},
        {"{\"after\":-1}", "after"},
        {"{\"after\":\"9007199254740992\"}", "after"},
        {"{\"after\":1e3}", "after"},
        {"{\"limit\":4294967297}", "limit"},
    };
    for (const auto& row : bad) {
        EXPECT_FAILURE(parseHistory(row.body).status(), Code::InvalidField, row.field);
    }
    EXPECT_FAILURE(parseHistory("{\"from\":1}").status(), Code::UnknownField, "from");
}

START_TEST(list) {
    ck_assert(parseList("").ok());
    EXPECT_TEXT(encode(parseList("").value()), "{\"limit\":50}");
    const auto page = parseList("{\"cursor\":\"abc\",\"limit\":\"20\"}");
    ck_assert(page.ok());
    EXPECT_TEXT(encode(page.value()), "{\"cursor\":\"abc\",\"limit\":20}");
    EXPECT_FAILURE(parseList("{\"cursor\":1}").status(), Code::InvalidField, "cursor");
    EXPECT_FAILURE(parseList("{\"limit\":0}").status(), Code::InvalidField, "limit");
    EXPECT_FAILURE(parseList("{\"x\":\"x\"}").status(), Code::UnknownField, "x");
    const std::string endless =
        "{\"cursor\":\"" + repeat("c", limits::kMaxCursor + 1) + "\"}";
    EXPECT_FAILURE(parseList(endless).status(), Code::InvalidCursor, "cursor");
}

START_TEST(listFilters) {
    const auto query = queryBody({{"q", " Château "},
                                  {"context", "product:a:b"},
                                  {"archived", "false"},
                                  {"unread", "true"},
                                  {"status", "closed"}});
    const auto arguments = parseList(query);
    ck_assert(arguments.ok());
    const ListFilter& filter = arguments->filter;
    ck_assert(filter.closed == true && filter.unread == true);
    ck_assert(filter.archived == false);
    EXPECT_TEXT(filter.context.type + "/" + filter.context.id, "product/a:b");
    EXPECT_TEXT(arguments->q, "Château");
    const std::string canonical =
        "{\"limit\":50,\"status\":\"closed\",\"unread\":\"true\","
        "\"archived\":\"false\",\"context\":\"product:a:b\",\"q\":\"Château\"}";
    EXPECT_TEXT(encode(arguments.value()), canonical);
    EXPECT_TEXT(encode(parseList(canonical).value()), canonical);
    EXPECT_TEXT(parseList("{\"context\":\"product\"}")->filter.context.id, "");
    const struct {
        const char* name;
        const char* value;
    } kRows[] = {{"status", "shut"}, {"status", ""},       {"unread", "1"},
                 {"unread", ""},     {"archived", "TRUE"}, {"context", ""},
                 {"context", ":"},   {"context", "a b"},   {"context", "product:"},
                 {"q", ""},          {"q", " "},           {"q", "a\nb"}};
    for (const auto& row : kRows) {
        EXPECT_FAILURE(parseList(queryBody({{row.name, row.value}})).status(),
                       Code::InvalidField, row.name);
    }
    EXPECT_FAILURE(
        parseList(queryBody({{"q", repeat("x", limits::kMaxSearch + 1)}})).status(),
        Code::InvalidField, "q");
    EXPECT_FAILURE(parseList("{\"unread\":true}").status(), Code::InvalidField,
                   "unread");
}

START_TEST(changes) {
    for (const char* canonical :
         {"{\"status\":\"closed\",\"archived\":true,\"subject\":\"Late\"}",
          "{\"status\":\"open\"}", "{\"archived\":false}", "{\"subject\":null}"}) {
        const auto arguments = parseChange(canonical);
        EXPECT_FOR(arguments.ok(), canonical);
        EXPECT_TEXT(encode(arguments.value()), canonical);
    }
    EXPECT_TEXT(*parseChange("{\"subject\":\" a \"}")->subject, "a");
    EXPECT_FAILURE(parseChange("{}").status(), Code::MissingField, "status");
    EXPECT_FAILURE(parseChange("").status(), Code::InvalidJson, "");
    EXPECT_FAILURE(parseChange("{\"status\":null}").status(), Code::InvalidField,
                   "status");
    EXPECT_FAILURE(parseChange("{\"status\":\"Closed\"}").status(), Code::InvalidField,
                   "status");
    EXPECT_FAILURE(parseChange("{\"archived\":\"true\"}").status(), Code::InvalidField,
                   "archived");
    EXPECT_FAILURE(parseChange("{\"subject\":\"\"}").status(), Code::InvalidField,
                   "subject");
    EXPECT_FAILURE(parseChange("{\"kind\":\"ticket\"}").status(), Code::UnknownField,
                   "kind");
    const std::string mark = changeMark("ann", "c:1", "{}");
    ck_assert_uint_eq(mark.size(), 16);
    ck_assert(changeMark("bob", "c:1", "{}") != mark);
    ck_assert(changeMark("ann", "c:2", "{}") != mark);
    ck_assert(changeMark("ann", "c:1", "{\"status\":\"open\"}") != mark);
}

START_TEST(queries) {
    EXPECT_TEXT(queryBody({}), "{}");
    EXPECT_TEXT(queryBody({{"limit", "5"}, {"cursor", "\"<x>"}}),
                "{\"limit\":\"5\",\"cursor\":\"\\\"\\u003cx\\u003e\"}");
    ck_assert_uint_eq(parseHistory(queryBody({{"limit", "5"}}))->limit, 5);
    EXPECT_FAILURE(parseHistory(queryBody({{"limit", "5"}, {"limit", "6"}})).status(),
                   Code::InvalidJson, "limit");
    EXPECT_FAILURE(parseHistory(queryBody({{"\xFF", "5"}})).status(), Code::InvalidJson,
                   "");
    EXPECT_FAILURE(parseList(queryBody({{"cursor", "\xC3"}})).status(),
                   Code::InvalidJson, "");
    EXPECT_FAILURE(parseList(queryBody({{"cursor", std::string("\0", 1)}})).status(),
                   Code::InvalidJson, "");
    EXPECT_FAILURE(parseList(queryBody({{"", ""}})).status(), Code::UnknownField, "");
}

START_TEST(fingerprints) {
    const std::string one = fingerprint(Operation::Send, "{\"content\":\"a\"}");
    EXPECT_TEXT(one, "6f5c1f23d4512482953c5e7f751fec1f");
    ck_assert(fingerprint(Operation::Send, "{\"content\":\"b\"}") != one);
    ck_assert(fingerprint(Operation::Start, "{\"content\":\"a\"}") != one);
    // Written differently, but the same request.
    EXPECT_TEXT(fingerprint(Operation::Send,
                            encode(parseSend("{ \"content\":\" \\u0061\"}").value())),
                one);
}

// What is about a thing of the site's, and what programs read.
START_TEST(startExtras) {
    const auto arguments = parseStart(
        "{\"kind\":\"ticket\",\"context\":{\"id\":\"7 a\",\"type\":\"product\"},"
        "\"subject\":\" Late order \",\"members\":[\"bob\"]}",
        "ann");
    ck_assert(arguments.ok());
    const std::string canonical =
        "{\"members\":[\"ann\",\"bob\"],\"subject\":\"Late order\","
        "\"context\":{\"type\":\"product\",\"id\":\"7 a\"},\"kind\":\"ticket\"}";
    EXPECT_TEXT(encode(arguments.value()), canonical);
    EXPECT_TEXT(encode(parseStart(canonical, "ann").value()), canonical);
    // What is the default is not written.
    EXPECT_TEXT(
        encode(
            parseStart("{\"members\":[\"bob\"],\"kind\":\"direct\"}", "ann").value()),
        "{\"members\":[\"ann\",\"bob\"]}");

    const Identity ann{"shop", "ann", "", ""};
    EXPECT_TEXT(conversationId(arguments.value(), ann, "c:1"),
                ticketId("shop", "ann", "c:1"));
    auto direct = arguments.value();
    direct.ticket = false;
    EXPECT_TEXT(conversationId(direct, ann, "c:1"),
                directId("shop", {"ann", "bob"}, "product", "7 a"));

    struct {
        std::string_view extra;
        std::string_view field;
    } const rows[] = {
        {"\"kind\":\"group\"", "kind"},
        {"\"kind\":null", "kind"},
        {"\"kind\":[\"ticket\"]", "kind"},
        {"\"subject\":\" \"", "subject"},
        {"\"subject\":7", "subject"},
        {"\"subject\":null", "subject"},
        {"\"subject\":\"a\\nb\"", "subject"},
        {"\"context\":null", "context"},
        {"\"context\":\"product\"", "context"},
        {"\"context\":{\"type\":\"product\"}", "context"},
        {"\"context\":{\"type\":\"product\",\"id\":\"7\",\"x\":1}", "context"},
        {"\"context\":{\"type\":\"a b\",\"id\":\"7\"}", "context.type"},
        {"\"context\":{\"type\":\"a:b\",\"id\":\"7\"}", "context.type"},
        {"\"context\":{\"type\":\"\",\"id\":\"7\"}", "context.type"},
        {"\"context\":{\"type\":\"product\",\"id\":\"\"}", "context.id"},
        {"\"context\":{\"type\":\"product\",\"id\":7}", "context.id"},
    };
    for (const auto& row : rows) {
        const std::string body =
            "{\"members\":[\"bob\"]," + std::string(row.extra) + "}";
        EXPECT_FAILURE(parseStart(body, "ann").status(), Code::InvalidField, row.field);
    }
    const auto subjectOf = [](size_t characters) {
        return "{\"members\":[\"bob\"],\"subject\":\"" + repeat("é", characters) +
               "\"}";
    };
    ck_assert(parseStart(subjectOf(limits::kMaxSubject), "ann").ok());
    EXPECT_FAILURE(parseStart(subjectOf(limits::kMaxSubject + 1), "ann").status(),
                   Code::InvalidField, "subject");
}

START_TEST(sendExtras) {
    const auto arguments = parseSend(
        "{\"data\":{\"b\":[1.50,true,null,{\"z\":\"<\",\"y\":{}}],\"a\":\"\\u00e9\"},"
        "\"type\":\"offer\",\"context\":{\"type\":\"appointment\",\"id\":\"9\"},"
        "\"content\":\"hi\"}");
    ck_assert(arguments.ok());
    const std::string canonical =
        "{\"content\":\"hi\",\"context\":{\"type\":\"appointment\",\"id\":\"9\"},"
        "\"type\":\"offer\",\"data\":{\"a\":\"é\",\"b\":[1.50,true,null,"
        "{\"y\":{},\"z\":\"\\u003c\"}]}}";
    EXPECT_TEXT(encode(arguments.value()), canonical);
    EXPECT_TEXT(encode(parseSend(canonical).value()), canonical);
    EXPECT_TEXT(encode(parseSend("{\"content\":\"hi\",\"type\":\"text\"}").value()),
                "{\"content\":\"hi\"}");
    EXPECT_TEXT(parseSend("{\"content\":\"hi\",\"data\":{}}")->data, "{}");

    const auto with = [](const std::string& extra) {
        return parseSend("{\"content\":\"hi\"," + extra + "}").status();
    };
    for (const char* data : {"null", "[]", "\"x\"", "7"}) {
        EXPECT_FAILURE(with("\"data\":" + std::string(data)), Code::InvalidField,
                       "data");
    }
    for (const char* type : {"null", "\"\"", "\"a b\"", "\"é\"", "7"}) {
        EXPECT_FAILURE(with("\"type\":" + std::string(type)), Code::InvalidField,
                       "type");
    }
    EXPECT_FAILURE(with("\"type\":\"" + repeat("t", limits::kMaxWord + 1) + "\""),
                   Code::InvalidField, "type");
    EXPECT_FAILURE(with("\"context\":{}"), Code::InvalidField, "context");
    EXPECT_FAILURE(with("\"data\":{\"a\":1,\"a\":2}"), Code::InvalidJson, "a");

    const auto deep = [](size_t depth) {
        return "\"data\":" + repeat("{\"d\":", depth - 1) + "{}" +
               repeat("}", depth - 1);
    };
    ck_assert(with(deep(limits::kDataDepth)).ok());
    EXPECT_FAILURE(with(deep(limits::kDataDepth + 1)), Code::InvalidField, "data");
    // {"d":"…"} of just so many bytes, and of one more.
    const auto big = [](size_t bytes) {
        return "\"data\":{\"d\":\"" + repeat("x", bytes - 8) + "\"}";
    };
    ck_assert(with(big(limits::kMaxData)).ok());
    EXPECT_FAILURE(with(big(limits::kMaxData + 1)), Code::InvalidField, "data");
}

// --- Views

Message aMessage() {
    Message message;
    message.site = "shop";
    message.conversation = "c1";
    message.seq = 3;
    message.sender = "ann";
    message.senderRole = "buyer";
    message.member = "ann";
    message.ordinal = 2;
    message.key = "c:secret";
    message.fingerprint = "f";
    message.content = "hi";
    message.createdAt = 1700000000123;
    return message;
}

START_TEST(messageViews) {
    EXPECT_TEXT(
        messageView(aMessage(), true),
        "{\"id\":\"c1.3\",\"conversationId\":\"c1\",\"seq\":3,\"senderId\":\"ann\","
        "\"senderRole\":\"buyer\",\"content\":\"hi\",\"context\":null,"
        "\"type\":\"text\",\"data\":null,\"createdAt\":\"2023-11-14T22:13:20.123Z\","
        "\"read\":true}");
    Message offer = aMessage();
    offer.context = {"product", "7"};
    offer.type = "offer";
    offer.data = "{\"price\":5}";
    const std::string shown = messageView(offer, true);
    EXPECT_FOR(
        shown.find("\"context\":{\"type\":\"product\",\"id\":\"7\"},"
                   "\"type\":\"offer\",\"data\":{\"price\":5},") != std::string::npos,
        shown);
    Message message = aMessage();
    message.senderRole.clear();
    const std::string view = messageView(message, false);
    EXPECT_FOR(view.find("\"senderRole\":null") != std::string::npos, view);
    EXPECT_FOR(view.find("\"read\":false") != std::string::npos, view);
}

// A message stays one line of an event stream and one string of a page.
START_TEST(contentCannotForge) {
    for (const std::string_view content :
         {"x\n\nevent: bye\ndata: {}\n\n", "x\r\rdata: {}", "x\r\n\r\nid: 9-9",
          "</script><script>alert(1)</script>", "\"}\n1 0-0 0-0\nmessage {}",
          "\u2028\u2029", "]]><!--", "\",\"senderId\":\"admin"}) {
        Message message = aMessage();
        message.content = content;
        const std::string view = messageView(message, false);
        EXPECT_FOR(json::validLine(view), view);
        EXPECT_FOR(view.find_first_of("\r\n<>&") == std::string::npos, view);
        EXPECT_FOR(view.find("\u2028") == std::string::npos, view);
        const auto back = json::parse(view);
        EXPECT_FOR(back.ok(), view);
        EXPECT_TEXT(back->find("content")->text, content);
        EXPECT_TEXT(back->find("senderId")->text, "ann");
    }
}

START_TEST(conversationViews) {
    Conversation conversation;
    conversation.site = "shop";
    conversation.id = "c1";
    conversation.members = {"ann", "bob"};
    conversation.createdAt = 1700000000000;
    EXPECT_TEXT(
        conversationView(conversation, "ann", {}, {}),
        "{\"id\":\"c1\",\"kind\":\"direct\",\"status\":\"open\",\"subject\":null,"
        "\"context\":null,\"members\":[{\"id\":\"ann\",\"role\":null,\"name\":null,"
        "\"online\":null,\"lastSeenAt\":null},"
        "{\"id\":\"bob\",\"role\":null,\"name\":null,"
        "\"online\":null,\"lastSeenAt\":null}],\"member\":\"ann\","
        "\"createdAt\":\"2023-11-14T22:13:20.000Z\",\"lastMessageAt\":null,"
        "\"lastMessage\":null,\"lastSeq\":0,\"readSeq\":0,\"unreadCount\":0,"
        "\"archived\":false,\"rev\":0}");

    conversation.subject = "Order";
    conversation.context = {"product", "7"};
    Membership mine;
    mine.conversation = "c1";
    mine.member = "ann";
    mine.lastSeq = 9;
    mine.sent = 4;
    mine.readSeq = 5;
    mine.readSent = 3;
    mine.preview = {9, "bob", repeat("x", 200), 1700000000123};
    const std::vector<User> users = {{"shop", "bob", "seller", "Bob"},
                                     {"shop", "eve", "", ""}};
    EXPECT_TEXT(
        conversationView(conversation, "ann", mine, users),
        "{\"id\":\"c1\",\"kind\":\"direct\",\"status\":\"open\",\"subject\":\"Order\","
        "\"context\":{\"type\":\"product\",\"id\":\"7\"},"
        "\"members\":[{\"id\":\"ann\",\"role\":null,\"name\":null,"
        "\"online\":null,\"lastSeenAt\":null},"
        "{\"id\":\"bob\",\"role\":\"seller\",\"name\":\"Bob\","
        "\"online\":null,\"lastSeenAt\":null}],"
        "\"member\":\"ann\",\"createdAt\":\"2023-11-14T22:13:20.000Z\","
        "\"lastMessageAt\":\"2023-11-14T22:13:20.123Z\","
        "\"lastMessage\":{\"seq\":9,\"senderId\":\"bob\",\"content\":\"" +
            repeat("x", 159) +
            "…\",\"createdAt\":\"2023-11-14T22:13:20.123Z\"},"
            "\"lastSeq\":9,\"readSeq\":5,\"unreadCount\":3,\"archived\":false,\"rev\":"
            "0}");

    Conversation desk = conversation;
    desk.members = {"bob", "team:desk"};
    const std::string seen = conversationView(desk, "team:desk", mine, users);
    EXPECT_FOR(
        seen.find(
            "{\"id\":\"team:desk\",\"role\":\"desk\",\"name\":null,\"online\":null,"
            "\"lastSeenAt\":null}],"
            "\"member\":\"team:desk\",") != std::string::npos,
        seen);

    conversation.closed = true;
    conversation.archived = {"ann"};
    conversation.rev = 7;
    for (const auto& [viewer, archived] :
         {std::pair("ann", "true"), std::pair("bob", "false")}) {
        const std::string view = conversationView(conversation, viewer, mine, users);
        EXPECT_FOR(view.find("\"status\":\"closed\"") != std::string::npos, view);
        EXPECT_FOR(view.find("\"archived\":" + std::string(archived) + ",\"rev\":7}") !=
                       std::string::npos,
                   view);
    }
}

START_TEST(smallViews) {
    Membership mine;
    mine.conversation = "c1";
    mine.member = "ann";
    mine.lastSeq = 9;
    mine.sent = 4;
    mine.readSeq = 5;
    mine.readSent = 3;
    EXPECT_TEXT(unreadEvent(mine),
                "{\"conversationId\":\"c1\",\"member\":\"ann\",\"lastSeq\":9,\"sent\":"
                "4,\"readSeq\":5,"
                "\"readSent\":3,\"unreadCount\":3}");
    EXPECT_TEXT(readEvent("c1", "team:desk", "b<b", 5),
                "{\"conversationId\":\"c1\",\"member\":\"team:desk\","
                "\"userId\":\"b\\u003cb\",\"readSeq\":5}");
    EXPECT_TEXT(readView(mine),
                "{\"conversationId\":\"c1\",\"readSeq\":5,\"unreadCount\":3}");
    EXPECT_TEXT(identityView({"shop", "ann", "", ""}),
                "{\"id\":\"ann\",\"role\":null,\"name\":null,\"teams\":[]}");
    EXPECT_TEXT(
        identityView({"shop", "ann", "buyer", "Ann \"A\""}),
        "{\"id\":\"ann\",\"role\":\"buyer\",\"name\":\"Ann \\\"A\\\"\",\"teams\":[]}");
    EXPECT_TEXT(identityView({"shop", "ann", "desk", "", "team:desk"}),
                "{\"id\":\"ann\",\"role\":\"desk\",\"name\":null,"
                "\"teams\":[\"team:desk\"]}");
}

}  // namespace

Suite* modelSuite() {
    return suiteOf("model", {start,
                             startRefuses,
                             memberLimit,
                             contentLimit,
                             longestCanonicalBody,
                             send,
                             unknownFieldNameIsCut,
                             read,
                             history,
                             list,
                             listFilters,
                             changes,
                             queries,
                             fingerprints,
                             startExtras,
                             sendExtras,
                             messageViews,
                             contentCannotForge,
                             conversationViews,
                             smallViews});
}

}  // namespace messaging::unit
