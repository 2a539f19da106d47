// Tests for whom a request is for: the one who is signed in, somebody else, nobody.
#include "ngx_module/core/whom.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using core::meantFor;
using core::Whom;

START_TEST(unnamed) {
    ck_assert(meantFor({}, "ann").ok());
}

START_TEST(theSame) {
    constexpr std::pair<std::string_view, std::string_view> kRows[] = {
        {"ann", "ann"},
        {"%61nn", "ann"},
        {"a%2Fb", "a/b"},
        {"a/b", "a/b"},
        {"a+b", "a+b"},
        {"a%20b", "a b"},
        {"a b", "a b"},
        {"100%25", "100%"},
        {"ren%C3%A9", "ren\u00e9"},
        {"%e6%9d%8e", "\u674e"},
        {"a@b.example", "a@b.example"},
        {"ren\u00e9", "ren\u00e9"}};
    for (const auto& [named, user] : kRows) {
        EXPECT_FOR(meantFor({named}, user).ok(), named);
    }
}

START_TEST(another) {
    constexpr std::pair<std::string_view, std::string_view> kRows[] = {
        {"ann", "bob"},    {"ann", "anna"},
        {"anna", "ann"},   {"Ann", "ann"},
        {"ann", ""},       {"a%2541", "aA"},
        {"a+b", "a b"},    {"ann, bob", "ann"},
        {"100%25", "100"}, {"rene%CC%81", "ren\u00e9"}};
    for (const auto& [named, user] : kRows) {
        const Status status = meantFor({named}, user);
        EXPECT_FOR(status.code() == Code::OtherUser, named);
        EXPECT_FOR(status.detail().empty(), named);  // the other's id is no log's
    }
}

START_TEST(nobody) {
    for (const std::string_view named : {"", "%", "100%", "ann%", "ann%2", "%zz", "%C3",
                                         "%FF", "%00", "ann%00", "%ED%A0%80", "\xe9"}) {
        EXPECT_FAILURE(meantFor({named}, "ann"), Code::InvalidField, "Messaging-User");
    }
    Whom twice;
    twice.many = true;
    EXPECT_FAILURE(meantFor(twice, "ann"), Code::InvalidField, "Messaging-User");
    twice.named = "ann";
    EXPECT_FAILURE(meantFor(twice, "ann"), Code::InvalidField, "Messaging-User");
}

}  // namespace

Suite* whomSuite() {
    return suiteOf("whom", {unnamed, theSame, another, nobody});
}

}  // namespace messaging::unit
