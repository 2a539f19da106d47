// Tests for what a site writes to have a sign-in taken back.
#include "worker/revoker.hpp"

#include "schema/limits.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using worker::parseRevocation;

START_TEST(parses) {
    auto all = parseRevocation("{\"site\":\"shop\",\"user\":\"alice\"}", 1000);
    ck_assert(all.ok());
    EXPECT_TEXT(revocationName(all->site, all->user, all->session), "shop\nalice\n");
    ck_assert(all->at == 1000 && all->until == 1000 + limits::kRevocationSeconds);
    auto one = parseRevocation(
        "{\"for\":60,\"session\":\"s\",\"at\":900,\"user\":\"\\u0436\",\"site\":\"a\"}",
        1000);
    ck_assert(one.ok());
    EXPECT_TEXT(revocationName(one->site, one->user, one->session), "a\nж\ns");
    ck_assert(one->at == 900 && one->until == 1060);
}

START_TEST(refuses) {
    const struct {
        const char* text;
        Code code;
        const char* field;
    } kRows[] = {
        {"", Code::InvalidJson, ""},
        {"x", Code::InvalidJson, ""},
        {"[]", Code::InvalidJson, ""},
        {"{}", Code::InvalidField, "site"},
        {"{\"site\":\"s\"}", Code::InvalidField, "user"},
        {"{\"site\":\"s\",\"user\":1}", Code::InvalidField, "user"},
        {"{\"site\":\"s\",\"user\":\"\"}", Code::InvalidField, "user"},
        {"{\"site\":\"s\",\"user\":\"team:x\"}", Code::InvalidField, "user"},
        {"{\"site\":\"s\",\"user\":\"a\\nb\"}", Code::InvalidField, "user"},
        {"{\"site\":\"s\",\"user\":\"a\",\"session\":\"b\\n\"}", Code::InvalidField,
         "session"},
        {"{\"site\":\"s\",\"user\":\"a\",\"for\":0}", Code::InvalidField, "until"},
        {"{\"site\":\"s\",\"user\":\"a\",\"for\":-1}", Code::InvalidField, "for"},
        {"{\"site\":\"s\",\"user\":\"a\",\"for\":\"1\"}", Code::InvalidField, "for"},
        {"{\"site\":\"s\",\"user\":\"a\",\"for\":9007199254740991}", Code::InvalidField,
         "for"},
        {"{\"site\":\"s\",\"user\":\"a\",\"at\":0}", Code::InvalidField, "until"},
        {"{\"site\":\"s\",\"user\":\"a\",\"at\":9007199254740991}", Code::InvalidField,
         "until"},
        {"{\"site\":\"s\",\"user\":\"a\",\"who\":\"b\"}", Code::UnknownField, "who"},
    };
    for (const auto& row : kRows) {
        auto parsed = parseRevocation(row.text, 1000);
        EXPECT_FOR(!parsed.ok(), row.text);
        EXPECT_FAILURE(parsed.status(), row.code, row.field);
    }
    ck_assert(!parseRevocation(repeat(" ", 5000) + "{}", 1000).ok());
}

}  // namespace

Suite* revokerSuite() {
    return suiteOf("revoker", {parses, refuses});
}

}  // namespace messaging::unit
