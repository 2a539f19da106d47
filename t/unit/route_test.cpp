// Tests for routes: the whole API, and what is almost in it.
#include "ngx_module/core/route.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using namespace std::string_view_literals;
using core::Method;
using core::Route;
using core::route;

START_TEST(finds) {
    const struct {
        Method method;
        const char* path;
        Operation operation;
        const char* conversation;
    } kFound[] = {
        {Method::Post, "/conversations", Operation::Start, ""},
        {Method::Get, "/conversations", Operation::List, ""},
        {Method::Head, "/conversations", Operation::List, ""},
        {Method::Get, "/conversations/c1", Operation::Conversation, "c1"},
        {Method::Head, "/conversations/c1", Operation::Conversation, "c1"},
        {Method::Post, "/conversations/c1/messages", Operation::Send, "c1"},
        {Method::Get, "/conversations/c1/messages", Operation::History, "c1"},
        {Method::Head, "/conversations/c1/messages", Operation::History, "c1"},
        {Method::Patch, "/conversations/c1/read", Operation::Read, "c1"},
        {Method::Patch, "/conversations/c1", Operation::Change, "c1"},
        {Method::Get, "/unread-count", Operation::UnreadCount, ""},
        {Method::Head, "/unread-count", Operation::UnreadCount, ""},
        {Method::Post, "/conversations/c1/typing", Operation::Typing, "c1"},
        {Method::Get, "/stream", Operation::Stream, ""},
        {Method::Get, "/status", Operation::Status, ""},
        {Method::Head, "/status", Operation::Status, ""},
        // Ids that look like words of the API are ids.
        {Method::Get, "/conversations/messages", Operation::Conversation, "messages"},
        {Method::Get, "/conversations/read/messages", Operation::History, "read"},
        {Method::Get, "/conversations/a.b~c d", Operation::Conversation, "a.b~c d"},
        {Method::Get, "/conversations/жé", Operation::Conversation, "жé"},
        {Method::Get, "/conversations/..", Operation::Conversation, ".."},
    };
    for (const auto& row : kFound) {
        const Route found = route(row.method, row.path);
        EXPECT_FOR(found.match == Route::Match::Found, row.path);
        EXPECT_FOR(found.operation == row.operation, row.path);
        EXPECT_TEXT(found.conversation, row.conversation);
    }
}

START_TEST(knowsNoOtherPath) {
    for (const std::string_view path : {"",
                                        "/",
                                        "//",
                                        "conversations",
                                        "/conversations/",
                                        "/conversations//",
                                        "/conversations//messages",
                                        "/conversations/c1/",
                                        "/conversations/c1/messages/",
                                        "/conversations/c1/messages/1",
                                        "/conversations/c1/read/",
                                        "/conversations/c1/x",
                                        "/conversations/c1//read",
                                        "//conversations",
                                        "/Conversations",
                                        "/conversation",
                                        "/conversationsx",
                                        "/conversations/ c1",
                                        "/conversations/c1 ",
                                        "/conversations/c\n1",
                                        "/stream/",
                                        "/streams",
                                        "/unread-count/",
                                        "/status/x",
                                        "/unread_count",
                                        "/me"}) {
        for (const Method method : {Method::Get, Method::Post, Method::Other}) {
            EXPECT_FOR(route(method, path).match == Route::Match::NoPath, path);
        }
    }
    const auto get = [](std::string_view path) {
        return route(Method::Get, path).match;
    };
    ck_assert(get("/conversations/\0"sv) == Route::Match::NoPath);
    ck_assert(get("/conversations/\xFF") == Route::Match::NoPath);
    ck_assert(get("/conversations/" + repeat("x", 128)) == Route::Match::Found);
    ck_assert(get("/conversations/" + repeat("ж", 128)) == Route::Match::Found);
    ck_assert(get("/conversations/" + repeat("x", 129)) == Route::Match::NoPath);
}

START_TEST(tellsAllowedMethods) {
    const struct {
        Method method;
        const char* path;
        const char* allow;
    } kWrong[] = {
        {Method::Patch, "/conversations", "GET, HEAD, POST"},
        {Method::Other, "/conversations", "GET, HEAD, POST"},
        {Method::Other, "/conversations", "GET, HEAD, POST"},
        {Method::Post, "/conversations/c1", "GET, HEAD, PATCH"},
        {Method::Post, "/conversations/c1", "GET, HEAD, PATCH"},
        {Method::Patch, "/conversations/c1/messages", "GET, HEAD, POST"},
        {Method::Get, "/conversations/c1/read", "PATCH"},
        {Method::Head, "/conversations/c1/read", "PATCH"},
        {Method::Post, "/conversations/c1/read", "PATCH"},
        {Method::Post, "/unread-count", "GET, HEAD"},
        {Method::Head, "/stream", "GET"},
        {Method::Post, "/stream", "GET"},
        {Method::Post, "/status", "GET, HEAD"},
    };
    for (const auto& row : kWrong) {
        const Route found = route(row.method, row.path);
        EXPECT_FOR(found.match == Route::Match::NoMethod, row.path);
        EXPECT_TEXT(found.allow, row.allow);
    }
}

}  // namespace

Suite* routeSuite() {
    return suiteOf("route", {finds, knowsNoOtherPath, tellsAllowedMethods});
}

}  // namespace messaging::unit
