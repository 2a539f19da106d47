// Tests for entity tags: If-None-Match as it comes, and as it should not.
#include "ngx_module/core/badge.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using core::etagOf;
using core::matches;

START_TEST(makesTags) {
    const std::string tag = etagOf("{\"count\":1}");
    ck_assert(tag.size() == 34 && tag.front() == '"' && tag.back() == '"');
    EXPECT_TEXT(etagOf("{\"count\":1}"), tag);
    ck_assert(etagOf("{\"count\":2}") != tag);
    ck_assert(matches(tag, tag));
}

START_TEST(matchesByWeakComparison) {
    constexpr const char* kHeaders[] = {R"("a")",
                                        R"(W/"a")",
                                        R"( "a" )",
                                        R"("b", "a")",
                                        R"("b","a")",
                                        R"("b" , W/"a")",
                                        R"(W/"b",W/"a","c")",
                                        R"(, "a",)",
                                        R"(,,"a")",
                                        "\t\"a\"",
                                        "*",
                                        " * ",
                                        R"("a", broken)",
                                        R"("x,y", "a")",
                                        R"("", "a")"};
    for (const char* header : kHeaders) {
        EXPECT_FOR(matches(header, R"("a")"), header);
    }
}

START_TEST(matchesNothingElse) {
    constexpr const char* kHeaders[] = {
        "",         " ",           ",",         "a",          "W/a",
        R"(w/"a")", R"("a)",       R"(a")",     R"("A")",     R"("aa")",
        R"("b")",   R"("b", "c")", R"(W/ "a")", R"("b" "a")", R"("b"x, "a")",
        "W/",       "**",          "*, \"b\"",  R"(* "a")",   R"("b, "a")",
        R"('a')",   R"("b", *)"};
    for (const char* header : kHeaders) {
        EXPECT_FOR(!matches(header, R"("a")"), header);
    }
}

}  // namespace

Suite* badgeSuite() {
    return suiteOf("badge", {makesTags, matchesByWeakComparison, matchesNothingElse});
}

}  // namespace messaging::unit
