// Tests for cookies: where one ends, which names are the same, and two of one name.
#include "ngx_module/core/cookie.hpp"

#include <string>

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using core::Cookie;
using core::findCookie;

std::string found(std::string_view header) {
    Cookie cookie;
    findCookie(header, "sid", &cookie);
    return cookie.contradicted ? "contradicted" : std::string(cookie.value);
}

START_TEST(findsByTheExactName) {
    const std::pair<const char*, const char*> kHeaders[] = {
        {"sid=a", "a"},
        {"x=1; sid=a; y=2", "a"},
        {"x=1;sid=a;y=2", "a"},
        {"  sid = a  ;", "a"},
        {"\tsid\t=\ta\t", "a"},
        {"sid=a=b==", "a=b=="},
        {"sid=\"a\"", "\"a\""},
        {"sid=a, b", "a, b"},
        {"x=;sid=a", "a"},
        {"", ""},
        {";", ""},
        {";;=;", ""},
        {"=sid", ""},
        {"sid", ""},
        {"sid;a", ""},
        {"sid=", ""},
        {"sid= ", ""},
        {"SID=a", ""},
        {"Sid=a", ""},
        {"xsid=a", ""},
        {"sidx=a", ""},
        {"sid.0=a", ""},
        {"si d=a", ""},
        {"x=sid=a", ""},
        {"x, sid=a", ""},
        {"x sid=a", ""},
    };
    for (const auto& [header, value] : kHeaders) {
        EXPECT_TEXT(found(header), value);
    }
    EXPECT_TEXT(found(std::string_view("sid\0=a", 6)), "");
}

START_TEST(isNobodysIfTwoContradict) {
    EXPECT_TEXT(found("sid=a; sid=b"), "contradicted");
    EXPECT_TEXT(found("sid=a; sid=b; sid=a"), "contradicted");
    EXPECT_TEXT(found("sid=a; sid=b; sid=b"), "contradicted");
    EXPECT_TEXT(found("sid=a; SID=b"), "a");
    EXPECT_TEXT(found("sid=a; sid=a"), "a");
    EXPECT_TEXT(found("sid=; sid=a; sid="), "a");
    Cookie cookie;
    findCookie("sid=a", "sid", &cookie);
    findCookie("x=1", "sid", &cookie);
    ck_assert(!cookie.contradicted && cookie.value == "a");
    findCookie("sid=b", "sid", &cookie);
    ck_assert(cookie.contradicted);
}

}  // namespace

Suite* cookieSuite() {
    return suiteOf("cookies", {findsByTheExactName, isNobodysIfTwoContradict});
}

}  // namespace messaging::unit
