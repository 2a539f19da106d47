// Tests for problem: every code has its row, and names and statuses, which clients
// switch on, do not change by accident.
#include "schema/problem.hpp"

#include <set>

#include "schema/json.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

struct Row {
    Code code;
    std::string_view name;
    int status;
    bool retryable;
};

constexpr Row kRows[] = {
    {Code::InvalidJson, "invalid_json", 400, false},
    {Code::BadRequest, "bad_request", 400, false},
    {Code::InvalidField, "invalid_field", 400, false},
    {Code::MissingField, "missing_field", 400, false},
    {Code::UnknownField, "unknown_field", 400, false},
    {Code::InvalidCursor, "invalid_cursor", 400, false},
    {Code::Unauthenticated, "unauthenticated", 401, false},
    {Code::ForbiddenOrigin, "forbidden_origin", 403, false},
    {Code::ForbiddenRole, "forbidden_role", 403, false},
    {Code::NotFound, "not_found", 404, false},
    {Code::MethodNotAllowed, "method_not_allowed", 405, false},
    {Code::OtherUser, "other_user", 412, false},
    {Code::BodyTooLarge, "body_too_large", 413, false},
    {Code::UnsupportedMediaType, "unsupported_media_type", 415, false},
    {Code::KeyReused, "key_reused", 422, false},
    {Code::TooManyStreams, "too_many_streams", 429, true},
    {Code::RateLimited, "rate_limited", 429, true},
    {Code::Internal, "internal", 500, true},
    {Code::QueueFull, "queue_full", 503, true},
    {Code::RedisUnavailable, "redis_unavailable", 503, true},
    {Code::StoreUnavailable, "store_unavailable", 503, true},
    {Code::ProfileUnknown, "profile_unknown", 503, true},
    {Code::SearchTimeout, "search_timeout", 503, true},
    {Code::UnsupportedVersion, "unsupported_version", 503, true},
    {Code::Timeout, "timeout", 504, true},
};

// What nginx, or a module beside ours, refused.
START_TEST(elsewhere) {
    constexpr std::pair<int, Code> kStatuses[] = {{400, Code::BadRequest},
                                                  {401, Code::Unauthenticated},
                                                  {403, Code::ForbiddenRole},
                                                  {404, Code::NotFound},
                                                  {405, Code::MethodNotAllowed},
                                                  {412, Code::BadRequest},
                                                  {413, Code::BodyTooLarge},
                                                  {414, Code::BadRequest},
                                                  {429, Code::RateLimited},
                                                  {494, Code::BadRequest},
                                                  {500, Code::Internal},
                                                  {502, Code::Internal},
                                                  {503, Code::RedisUnavailable},
                                                  {504, Code::Timeout},
                                                  {0, Code::Internal}};
    for (const auto& [status, code] : kStatuses) {
        EXPECT_FOR(codeOf(status) == code, std::to_string(status));
    }
}

START_TEST(table) {
    for (const Row& row : kRows) {
        const ProblemKind& kind = problemKind(row.code);
        EXPECT_FOR(kind.code == row.code, row.name);
        EXPECT_TEXT(kind.name, row.name);
        ck_assert_int_eq(kind.status, row.status);
        EXPECT_FOR(kind.retryable == row.retryable, row.name);
        EXPECT_FOR(!kind.title.empty() && kind.error.back() == '.', row.name);
        EXPECT_FOR(kind.retryAfter == 0 || kind.retryable, row.name);
        EXPECT_FOR((kind.retryAfter > 0) == (row.status == 503 || row.status == 429),
                   row.name);
        EXPECT_FOR(codeNamed(row.name) == row.code, row.name);
    }
    // The last code of the enumeration is the last row: none was forgotten.
    ck_assert_uint_eq(std::size(kRows), static_cast<size_t>(Code::Timeout));
}

START_TEST(okHasNone) {
    ck_assert(problemKind(Code::Ok).code == Code::Internal);
    ck_assert(problemKind(static_cast<Code>(999)).code == Code::Internal);
    for (const std::string_view name :
         {"", "ok", "-", "Internal", "internal ", "not-found"}) {
        EXPECT_FOR(!codeNamed(name), name);
    }
}

START_TEST(bodies) {
    EXPECT_TEXT(problemBody(Code::Unauthenticated, ""),
                "{\"type\":\"about:blank\",\"title\":\"Unauthorized\",\"status\":401,"
                "\"code\":\"unauthenticated\",\"error\":\"Sign in to use messaging.\","
                "\"retryable\":false}");
    EXPECT_TEXT(
        problemBody(Code::MissingField, "content"),
        "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
        "\"code\":\"missing_field\",\"error\":\"This value is required: content.\","
        "\"retryable\":false,\"field\":\"content\"}");
}

START_TEST(hostileFields) {
    const std::string fields[] = {"",
                                  "<script>alert(1)</script>",
                                  "\"},{\"x\":\"",
                                  "a\r\n\r\nb",
                                  "{field}",
                                  "\xFF\xFE",
                                  repeat("ж", 60000),
                                  std::string("\0", 1)};
    for (const Row& row : kRows) {
        for (const std::string& field : fields) {
            const std::string body = problemBody(row.code, field);
            EXPECT_FOR(json::validLine(body), body);
            EXPECT_FOR(body.find('<') == std::string::npos, body);
            EXPECT_FOR(body.size() < 2000, body);
        }
    }
    EXPECT_FOR(
        problemBody(Code::InvalidField, "\xFF").find("\"field\"") == std::string::npos,
        "\xFF");
    const std::string named = problemBody(Code::UnknownField, "a<b");
    EXPECT_FOR(named.find("\"field\":\"a\\u003cb\"") != std::string::npos, named);
}

}  // namespace

Suite* problemSuite() {
    return suiteOf("problem", {elsewhere, table, okHasNone, bodies, hostileFields});
}

}  // namespace messaging::unit
