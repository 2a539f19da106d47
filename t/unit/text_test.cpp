// Tests for text: UTF-8 at its boundaries, white space, ids, times, numbers.
#include "schema/text.hpp"

#include "schema/limits.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using namespace std::string_view_literals;

START_TEST(countsAtBoundaries) {
    constexpr std::string_view kOne[] = {"\0"sv,
                                         "a",
                                         "\x7F",
                                         "\xC2\x80",
                                         "\xDF\xBF",
                                         "\xE0\xA0\x80",
                                         "\xED\x9F\xBF",
                                         "\xEE\x80\x80",
                                         "\xEF\xBF\xBF",
                                         "\xF0\x90\x80\x80",
                                         "\xF4\x8F\xBF\xBF"};
    for (const std::string_view text : kOne) {
        EXPECT_FOR(countCharacters(text) == 1u, text);
        // In every position to the eight-byte groups.
        for (size_t before = 0; before < 20; ++before) {
            const std::string longer = repeat("x", before) + std::string(text) + "yz";
            EXPECT_FOR(countCharacters(longer) == before + 3, longer);
        }
    }
    ck_assert(countCharacters("") == 0u);
    ck_assert(countCharacters(repeat("ж", 1000)) == 1000u);
}

START_TEST(refusesInvalidUtf8) {
    constexpr std::string_view kBad[] = {
        "\x80",              // continuation alone
        "\xBF",              //
        "\xC0\x80",          // overlong NUL
        "\xC1\xBF",          // overlong, two bytes
        "\xC2",              // cut short
        "\xC2\x41",          // no continuation
        "\xDF\xC0",          //
        "\xE0\x80\x80",      // overlong, three bytes
        "\xE0\x9F\xBF",      //
        "\xE1\x80",          // cut short
        "\xE2\x28\xA1",      //
        "\xED\xA0\x80",      // U+D800
        "\xED\xAF\xBF",      // U+DBFF
        "\xED\xB0\x80",      // U+DC00
        "\xED\xBF\xBF",      // U+DFFF
        "\xF0\x80\x80\x80",  // overlong, four bytes
        "\xF0\x8F\xBF\xBF",  //
        "\xF0\x90\x80",      // cut short
        "\xF4\x90\x80\x80",  // U+110000
        "\xF5\x80\x80\x80",  //
        "\xF8\x88\x80\x80\x80",
        "\xFC\x84\x80\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xED\xA0\xBD\xED\xB8\x80",  // a pair, as CESU-8 has it
    };
    for (const std::string_view text : kBad) {
        EXPECT_FOR(!countCharacters(text), text);
        for (size_t before = 0; before < 20; ++before) {
            EXPECT_FOR(!countCharacters(repeat("x", before) + std::string(text)), text);
            EXPECT_FOR(!countCharacters(repeat("x", before) + std::string(text) +
                                        "0123456789"),
                       text);
        }
        EXPECT_FOR(!validId(std::string("a") + std::string(text)), text);
    }
}

START_TEST(trimsAllWhiteSpace) {
    constexpr std::string_view kSpaces[] = {
        " ",      "\t",     "\n",     "\v",     "\f",     "\r",
        "\u0085", "\u00A0", "\u1680", "\u2000", "\u2005", "\u200A",
        "\u2028", "\u2029", "\u202F", "\u205F", "\u3000", "\uFEFF"};
    std::string all;
    for (const std::string_view space : kSpaces) {
        const std::string text = std::string(space) + "a b" + std::string(space);
        EXPECT_TEXT(trim(text), "a b");
        EXPECT_TEXT(trim(space), "");
        all += space;
    }
    EXPECT_TEXT(trim(all), "");
    EXPECT_TEXT(trim(all + "é" + all), "é");
    EXPECT_TEXT(trim(""), "");
    EXPECT_TEXT(trim("x"), "x");
    // Not white space, though it looks so: zero width space and joiner, Braille blank.
    EXPECT_TEXT(trim("\u200B"), "\u200B");
    EXPECT_TEXT(trim("\u200D"), "\u200D");
    EXPECT_TEXT(trim("\u2800"), "\u2800");
}

START_TEST(previews) {
    EXPECT_TEXT(preview("hello", 5), "hello");
    EXPECT_TEXT(preview("hello!", 5), "hell…");
    EXPECT_TEXT(preview("жжжжж", 5), "жжжжж");
    EXPECT_TEXT(preview("жжжжжж", 5), "жжжж…");
    EXPECT_TEXT(preview("😀😀😀", 2), "😀…");
    EXPECT_TEXT(preview("ab", 1), "…");
    EXPECT_TEXT(preview("ab", 0), "");
    EXPECT_TEXT(preview("", 5), "");
    // Done twice it is the same: it is applied when stored and when shown.
    const std::string once = preview(repeat("😀", 500), limits::kPreview);
    EXPECT_TEXT(preview(once, limits::kPreview), once);
}

START_TEST(ids) {
    const std::string longest = repeat("😀", limits::kMaxId);
    const std::string_view good[] = {
        "a",     "0",          "user:1",        "a b", "жук",   "a/b?c#d",
        longest, "team:admin", "'; DROP TABLE", "{x}", "\u200B"};
    for (const std::string_view id : good) {
        EXPECT_FOR(validId(id), id);
        EXPECT_FOR(validUser(id) == (id != "team:admin"), id);
    }
    for (const std::string_view id : {"team:", "", " team:a"}) {
        EXPECT_FOR(!validUser(id), id);
    }
    ck_assert(validUser("team") && validUser("steam:1"));
    const std::string tooLong = longest + "x";
    const std::string_view bad[] = {"",
                                    " ",
                                    " a",
                                    "a ",
                                    "a\n",
                                    "a\nb",
                                    "a\0b"sv,
                                    "\x7F",
                                    "a\u0085b",
                                    "a\u009F",
                                    "\tx",
                                    "\u00A0x",
                                    "x\uFEFF",
                                    "a\rb",
                                    tooLong,
                                    "\u3000",
                                    "a\x1F"
                                    "b"};
    for (const std::string_view id : bad) {
        EXPECT_FOR(!validId(id), id);
    }
}

START_TEST(names) {
    ck_assert(validName("", 5));
    ck_assert(validName("Ann", 5));
    ck_assert(validName(" Ann ", 5));
    ck_assert(validName("жжжжж", 5));
    ck_assert(!validName("жжжжжж", 5));
    ck_assert(!validName("a\nb", 5));
    ck_assert(!validName("\xFF", 5));
}

START_TEST(times) {
    EXPECT_TEXT(isoTime(0), "1970-01-01T00:00:00.000Z");
    EXPECT_TEXT(isoTime(999), "1970-01-01T00:00:00.999Z");
    EXPECT_TEXT(isoTime(951782400000), "2000-02-29T00:00:00.000Z");
    EXPECT_TEXT(isoTime(951868799999), "2000-02-29T23:59:59.999Z");
    EXPECT_TEXT(isoTime(951868800000), "2000-03-01T00:00:00.000Z");
    EXPECT_TEXT(isoTime(1700000000123), "2023-11-14T22:13:20.123Z");
    EXPECT_TEXT(isoTime(1735689599999), "2024-12-31T23:59:59.999Z");
    EXPECT_TEXT(isoTime(4107542400000), "2100-03-01T00:00:00.000Z");
    EXPECT_TEXT(isoTime(253402300799999), "9999-12-31T23:59:59.999Z");
    EXPECT_TEXT(isoTime(UINT64_MAX), "9999-12-31T23:59:59.999Z");
}

START_TEST(numbers) {
    ck_assert(parseUnsigned("0") == 0u);
    ck_assert(parseUnsigned("007") == 7u);
    ck_assert(parseUnsigned("18446744073709551615") == UINT64_MAX);
    for (const std::string_view text :
         {"", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "18446744073709551616",
          "18446744073709551620", "99999999999999999999", "١"}) {
        EXPECT_FOR(!parseUnsigned(text), text);
    }
    ck_assert(!parseUnsigned("1\0"sv));
}

}  // namespace

Suite* textSuite() {
    return suiteOf("text", {countsAtBoundaries, refusesInvalidUtf8, trimsAllWhiteSpace,
                            previews, ids, names, times, numbers});
}

}  // namespace messaging::unit
