// Tests for a profile's block: what is taken, what is refused and with which words, and
// what requests then mean.
#include "ngx_module/core/profile_request.hpp"
#include "ngx_module/core/question.hpp"
#include "schema/keys.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using namespace messaging::core;

std::vector<std::string_view> wordsOf(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const size_t end = std::min(line.find(' '), line.size());
        if (end > 0) {
            words.push_back(line.substr(0, end));
        }
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return words;
}

SiteProfile profileOf(std::initializer_list<const char*> lines) {
    ProfileBlock block("shop");
    for (const char* line : lines) {
        const Status status = block.line(wordsOf(line));
        ck_assert_msg(status.ok(), "%s: %s", line, status.detail().c_str());
    }
    return block.finish().value();
}

SiteProfile shop() {
    return profileOf({
        "roles client=CLIENT,USER partner",
        "failure error fixed:ok=no",
        "failure 401 fixed:error=Non",
        "event message new-message",
        "event read chat:seen",
        "route POST /api/messages send if=conversationId conversation=conversationId "
        "content",
        "route POST /api/messages start role=client member.partner=partnerId "
        "member.partner.name=partnerName context.shop=shopId content "
        "message.context.visit=visitId answer=message",
        "route GET /api/messages thread if=shopId context.shop=shopId reads all "
        "answer=conversation",
        "route GET /api/messages list if=unreadOnly:true fixed:unread=true",
        "route GET /api/messages list status",
        "route GET /api/messages/:id history conversation=id reads",
        "route GET /api/with/:user history member=user",
        "route PUT /api/messages/:id read conversation=id seq",
        "route GET /api/live stream",
    });
}

START_TEST(refusesLines) {
    const struct {
        const char* line;
        const char* says;
    } kLines[] = {
        {"rolls client", "unknown"},
        {"roles partner", "duplicate"},
        {"team guests", "not one of the roles"},
        {"conversation x=y", "no \"y\" to show"},
        {"message x=member", "no \"member\" to show"},
        {"conversation x=member.guest", "not one of the roles"},
        {"conversation x=id x=kind", "twice"},
        {"message =id", "not a field's name"},
        {"event messages x", "expected"},
        {"event message chat:", "not an event's name"},
        {"event message :chat", "not an event's name"},
        {"failure 200 error", "not a status"},
        {"failure error=why", "a refusal has no"},
        {"rule", "unknown rule"},
        {"rule open guest", "not one of the roles"},
        {"rule content twice", "a word too many"},
        {"rule confirm partner", "a text"},
        {"route GET /x", "expected"},
        {"route FETCH /x list", "unknown method"},
        {"route GET x list", "begins with"},
        {"route GET /x//y list", "empty segment"},
        {"route GET /:a/:a list", "twice"},
        {"route GET /x lists", "unknown operation"},
        {"route GET /x send conversation content", "changes something"},
        {"route POST /x list", "changes something"},
        {"route POST /x send conversation", "missing"},
        {"route POST /x send content", "missing"},
        {"route GET /x list subject", "no argument"},
        {"route GET /x/:id list", "no argument is taken from"},
        {"route GET /x list all", "\"all\" goes with"},
        {"route GET /x list reads", "\"reads\" goes with"},
        {"route GET /x list answer=message", "no answer"},
        {"route GET /x list role=guest", "not one of the roles"},
        {"route GET /x list if=", "not a parameter's name"},
        {"route GET /x list limit limit", "twice"},
        {"route GET /x list fixed:unread", "NAME=VALUE"},
        {"route GET /x list limit fixed:limit=5", "twice"},
        {"route GET /x list fixed:limit=0", "not a value of"},
        {"route GET /x list fixed:limit=201", "not a value of"},
        {"route GET /x list fixed:unread=yes", "not a value of"},
        {"route GET /x list fixed:status=lost", "not a value of"},
        {"route GET /x list fixed:q=", "not a value of"},
        {"route GET /x list context.a=a context.b=b", "one context"},
        {"route GET /x list context.a-b!=a", "not a type of context"},
        {"route POST /x start member.guest=to", "not one of the roles"},
        {"route POST /x start member.partner.name=n member.client=to", "goes with"},
        {"route POST /x start member.partner.age=n member.partner=to", "goes with"},
        {"route POST /x start fixed:member.partner=team:partner",
         "not one of the "
         "teams"},
        {"route POST /x start member=to fixed:kind=tikcet", "not a value of"},
        {"route POST /x send content conversation member=to", "by its id or by"},
        {"team partner partner", "twice"},
        {"failure error error=code", "twice"},
    };
    for (const auto& wrong : kLines) {
        ProfileBlock block("shop");
        ck_assert(block.line(wordsOf("roles client partner")).ok());
        const Status status = block.line(wordsOf(wrong.line));
        EXPECT_FOR(!status.ok(), wrong.line);
        EXPECT_FOR(status.detail().find(wrong.says) != std::string::npos,
                   std::string(wrong.line) + ": " + status.detail());
    }
    ProfileBlock roles("shop");
    ck_assert(!roles.line(wordsOf("roles client=USER partner=USER")).ok());
    ProfileBlock words("shop");
    ck_assert(!words.line(wordsOf("roles client=partner partner")).ok());
    ProfileBlock block("shop");
    ck_assert(block.line(wordsOf("route GET /x/:id history conversation=id")).ok());
    ck_assert(!block.line(wordsOf("route GET /x/:c history conversation=c")).ok());
    ck_assert(block.line(wordsOf("route GET /x/y list")).ok());
    ck_assert(!block.line(wordsOf("roles late")).ok());
}

START_TEST(words) {
    const SiteProfile profile = shop();
    EXPECT_TEXT(profile.roleFor("USER").value(), "client");
    EXPECT_TEXT(profile.roleFor("partner").value(), "partner");
    ck_assert(!profile.roleFor("admin"));
    ck_assert(!profile.roleFor(""));
    EXPECT_TEXT(profile.eventName("message"), "new-message");
    EXPECT_TEXT(profile.eventName("read"), "chat:seen");
    EXPECT_TEXT(profile.eventName("unread"), "unread");
    const char* problem = "{\"error\":\"why\",\"code\":\"x\"}";
    EXPECT_TEXT(profile.failure(404, problem).value(),
                "{\"error\":\"why\",\"ok\":\"no\"}");
    EXPECT_TEXT(profile.failure(401, problem).value(), "{\"error\":\"Non\"}");
    ck_assert(!profileOf({"roles a"}).failure(401, problem));
}

START_TEST(questions) {
    const SiteProfile profile = shop();
    const struct {
        Method method;
        const char* uri;
        Route::Match match;
        Operation operation;
        size_t routes;
    } kAsked[] = {
        {Method::Post, "/api/messages", Route::Match::Found, Operation::Send, 2},
        {Method::Get, "/api/messages", Route::Match::Found, Operation::Thread, 3},
        {Method::Head, "/api/messages", Route::Match::Found, Operation::Thread, 3},
        {Method::Get, "/api/messages/c1", Route::Match::Found, Operation::History, 1},
        {Method::Put, "/api/messages/c1", Route::Match::Found, Operation::Read, 1},
        {Method::Get, "/api/with/bob", Route::Match::Found, Operation::History, 1},
        {Method::Get, "/api/live", Route::Match::Found, Operation::Stream, 1},
        // Canonical words beat a parameter; canonical methods stand beside.
        {Method::Get, "/api/messages/stream", Route::Match::Found, Operation::Stream,
         0},
        {Method::Get, "/api/messages/unread-count", Route::Match::Found,
         Operation::UnreadCount, 0},
        {Method::Get, "/api/messages/conversations", Route::Match::Found,
         Operation::List, 0},
        {Method::Get, "/api/messages/conversations/c1", Route::Match::Found,
         Operation::Conversation, 0},
        {Method::Delete, "/api/messages/c1", Route::Match::NoMethod, Operation::Status,
         0},
        {Method::Head, "/api/live", Route::Match::NoMethod, Operation::Status, 0},
        {Method::Get, "/api/nothing", Route::Match::NoPath, Operation::Status, 0},
        {Method::Get, "/api/with/", Route::Match::NoPath, Operation::Status, 0},
        {Method::Get, "/api/with/a/b", Route::Match::NoPath, Operation::Status, 0},
    };
    for (const auto& asked : kAsked) {
        const Question question =
            questionOf(&profile, asked.method, asked.uri, "/api/messages");
        EXPECT_FOR(question.match == asked.match, asked.uri);
        EXPECT_FOR(question.operation == asked.operation, asked.uri);
        EXPECT_FOR(question.routes.size() == asked.routes, asked.uri);
    }
    EXPECT_TEXT(
        questionOf(&profile, Method::Delete, "/api/messages/c1", "/api/messages").allow,
        "GET, HEAD, PUT");
    EXPECT_TEXT(
        questionOf(&profile, Method::Other, "/api/messages/stream", "/api/messages")
            .allow,
        "GET, HEAD, PUT");
    ck_assert(
        questionOf(&profile, Method::Get, "/api/messages", "/api/messages").reads);
    ck_assert(
        !questionOf(&profile, Method::Put, "/api/messages/c", "/api/messages").reads);
}

struct Asked {
    Status status;
    Prepared prepared;
    size_t route = 0;
};

// A request's meaning; `said` is a body, or a query where it does not begin with "{".
Asked ask(const SiteProfile& profile, Method method, const char* path,
          const std::string& said, const char* role = "client") {
    const Question question = questionOf(&profile, method, path, "/api/messages");
    ck_assert(!question.routes.empty());
    const bool hasBody = !said.empty() && said[0] == '{';
    const auto query = parseQuery(hasBody ? "" : said);
    const auto body = json::parse(hasBody ? said : "{}");
    ck_assert(query.ok() && body.ok());
    RequestWords words;
    words.path = path;
    words.query = method == Method::Get ? &query.value() : nullptr;
    words.body = method == Method::Get ? nullptr : &body.value();
    Asked asked;
    const auto chosen = choose(profile, question.routes, role, words);
    if (!chosen.ok()) {
        asked.status = chosen.status();
        return asked;
    }
    asked.route = chosen.value();
    Identity who;
    who.site = "s";
    who.user = "ann";
    auto prepared = prepare(profile.routes[chosen.value()], words, who);
    asked.status = prepared.status();
    if (prepared.ok()) {
        asked.prepared = std::move(prepared.value());
    }
    return asked;
}

START_TEST(prepares) {
    const SiteProfile profile = shop();
    Asked asked = ask(profile, Method::Post, "/api/messages",
                      R"({"conversationId":"c1","content":"hi","more":1})");
    EXPECT_TEXT(asked.prepared.conversation, "c1");
    EXPECT_TEXT(asked.prepared.arguments, R"({"content":"hi"})");

    asked = ask(profile, Method::Post, "/api/messages",
                R"({"conversationId":null,"partnerId":7,"partnerName":" Bo ",)"
                R"("shopId":"s1","content":"hi","visitId":"v"})");
    EXPECT_TEXT(asked.prepared.arguments,
                R"({"members":["7"],"hints":[{"id":"7","role":"partner","name":"Bo"}],)"
                R"("context":{"type":"shop","id":"s1"},"content":"hi",)"
                R"("message":{"context":{"type":"visit","id":"v"}}})");

    // However a whole number is written, it is the same id.
    asked = ask(profile, Method::Post, "/api/messages",
                R"({"partnerId":7.0,"shopId":"s1","content":"hi"})");
    EXPECT_TEXT(asked.prepared.arguments,
                R"({"members":["7"],"hints":[{"id":"7","role":"partner","name":""}],)"
                R"("context":{"type":"shop","id":"s1"},"content":"hi"})");

    asked = ask(profile, Method::Get, "/api/messages", "shopId=s1");
    EXPECT_TEXT(asked.prepared.arguments, R"({"context":{"type":"shop","id":"s1"}})");
    ck_assert(asked.prepared.derived);
    asked = ask(profile, Method::Get, "/api/messages", "unreadOnly=true&shopId=");
    EXPECT_TEXT(asked.prepared.arguments, R"({"unread":"true"})");
    asked = ask(profile, Method::Get, "/api/messages", "unreadOnly=false&status=open");
    EXPECT_TEXT(asked.prepared.arguments, R"({"status":"open"})");

    asked = ask(profile, Method::Get, "/api/with/bob", "");
    EXPECT_TEXT(asked.prepared.conversation, directId("s", {"ann", "bob"}, "", ""));
    ck_assert(asked.prepared.derived);
    asked = ask(profile, Method::Put, "/api/messages/c1", R"({"seq":3})");
    EXPECT_TEXT(asked.prepared.arguments, R"({"seq":3})");
}

START_TEST(refusesRequests) {
    const SiteProfile profile = shop();
    const auto failure = [&](Method method, const char* path, const std::string& said,
                             const char* role = "client") {
        return ask(profile, method, path, said, role).status;
    };
    const char* path = "/api/messages";
    EXPECT_FAILURE(failure(Method::Post, path, "{}"), Code::MissingField, "partnerId");
    EXPECT_FAILURE(failure(Method::Post, path, R"({"partnerId":""})"),
                   Code::MissingField, "partnerId");
    EXPECT_FAILURE(failure(Method::Post, path, R"({"partnerId":{}})"),
                   Code::InvalidField, "partnerId");
    EXPECT_FAILURE(failure(Method::Post, path, R"({"partnerId":1.5})"),
                   Code::InvalidField, "partnerId");
    EXPECT_FAILURE(failure(Method::Post, path, R"({"partnerId":"team:x"})"),
                   Code::InvalidField, "partnerId");
    EXPECT_FAILURE(failure(Method::Post, path, R"({"partnerId":"p","shopId":[]})"),
                   Code::InvalidField, "shopId");
    EXPECT_FAILURE(failure(Method::Post, path, R"({"partnerId":"p","partnerName":[]})"),
                   Code::InvalidField, "partnerName");
    EXPECT_FAILURE(failure(Method::Post, path, R"({"conversationId":[1]})"),
                   Code::InvalidField, "conversationId");
    EXPECT_FAILURE(failure(Method::Post, path, "{}", "partner"), Code::MissingField,
                   "conversationId");
    EXPECT_FAILURE(failure(Method::Get, "/api/with/team:x", ""), Code::InvalidField,
                   "user");
    const ProfileRoute& start = profile.routes[1];
    EXPECT_TEXT(siteField(start, "members"), "partnerId");
    EXPECT_TEXT(siteField(start, "context.id"), "shopId");
    EXPECT_TEXT(siteField(start, "message.context"), "visitId");
    EXPECT_TEXT(siteField(start, "content"), "content");
    EXPECT_TEXT(siteField(start, "unheard"), "unheard");

    const SiteProfile roles =
        profileOf({"roles a b", "route GET /x list role=a", "route GET /y list"});
    EXPECT_FAILURE(ask(roles, Method::Get, "/x", "", "b").status, Code::ForbiddenRole,
                   "");
    ck_assert(ask(roles, Method::Get, "/y", "", "b").status.ok());
}

}  // namespace

Suite* profile_blockSuite() {
    return suiteOf("profile_block",
                   {refusesLines, words, questions, prepares, refusesRequests});
}

}  // namespace messaging::unit
