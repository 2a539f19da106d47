// Tests for json: what must be refused (and by both of its readers), what must not, and
// that what is written cannot leave its string, its line or its <script>.
#include "schema/json.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using namespace std::string_view_literals;
using json::Bounds;
using json::Type;
using json::Value;
using json::Writer;

// Refused by parse and by validLine.
constexpr std::string_view kHostile[] = {
    // Nothing, or not one value.
    "",
    " ",
    "\t",
    "\n",
    "//",
    "/**/",
    "#",
    ",",
    ":",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\\",
    "1 2",
    "{} {}",
    "[] []",
    "[]]",
    "{}}",
    "[}",
    "{]",
    "null null",
    "\"a\" \"b\"",
    "{},",
    "[],",
    "1,",
    "{}x",
    "[1]garbage",
    "x{}",
    "[]\0"sv,
    "\0[]"sv,
    "[]/**/",
    "[]//",
    // A string that never ends behind a value: yajl alone takes it for the end.
    "1\"",
    "1\"2",
    "\"a\"\"",
    "{}\"",
    "[] \"abc",
    "{\"a\":1}\"evil",
    "null\"x",
    "\"\"\"{",
    // Cut short.
    "[1",
    "[1,",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "\"abc",
    "\"abc\\",
    "tru",
    "nul",
    "fals",
    "-",
    "[\"",
    "[{",
    "\"\\u",
    "\"\\u12",
    "\"\\u123\"",
    "{\"\\",
    // Commas, colons, quotes.
    "[1,]",
    "[,1]",
    "[,]",
    "[1,,2]",
    "{,}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\"}",
    "{\"a\",1}",
    "{\"a\":}",
    "{:1}",
    "{1:1}",
    "{a:1}",
    "{'a':1}",
    "['a']",
    "{null:1}",
    "{\"a\"::1}",
    "{\"a\":1:2}",
    "[1:2]",
    "[\"a\" \"b\"]",
    "[1 2]",
    "{[]:1}",
    "{\"a\" 1}",
    "{true:1}",
    "{\"a\":1 \"b\":2}",
    // Words.
    "True",
    "TRUE",
    "NULL",
    "nulll",
    "truefalse",
    "undefined",
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "inf",
    "None",
    "[NaN]",
    "[truth]",
    "[nul]",
    // Numbers.
    "01",
    "-01",
    "00",
    "1.",
    ".1",
    "-.1",
    "1.e1",
    "1e",
    "1e+",
    "1e-",
    "+1",
    "--1",
    "-a",
    "0x10",
    "1_000",
    "0b1",
    "1.2.3",
    "1e1.5",
    "1E",
    "0e",
    "[-]",
    "[1e1e1]",
    "1a",
    "١",
    "1e309",
    "-1e309",
    "1e99999",
    "[1e400]",
    "{\"a\":-1e400}",
    "1e-400",
    // Strings: controls and escapes.
    "\"\n\"",
    "\"\t\"",
    "\"\r\"",
    "\"\0\""sv,
    "\"\x01\"",
    "\"\x1F\"",
    "\"\x08\"",
    "\"\\a\"",
    "\"\\x41\"",
    "\"\\'\"",
    "\"\\0\"",
    "\"\\U0041\"",
    "\"\\u\"",
    "\"\\u00\"",
    "\"\\u00g0\"",
    "\"\\u 041\"",
    "\"\\u+041\"",
    "\"\\u-041\"",
    "\"\\\n\"",
    "\"\\\xC3\xA9\"",
    // U+0000 and surrogates.
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "{\"\\u0000\":1}",
    "\"\\ud800\"",
    "\"\\udbff\"",
    "\"\\udc00\"",
    "\"\\udfff\"",
    "\"\\ud800\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud800x\"",
    "\"\\ud83d\\n\"",
    "\"\\ud83d\\",
    "\"\\ud83d\\u",
    "\"\\ud83d\\ude0\"",
    "\"\\uD800\\uDBFF\"",
    "{\"\\ud800\":1}",
    "\"\\ud83d\\\\ude00\"",
    "\"\\\\\\ud800\"",
    // Bytes that are no UTF-8.
    "\"\x80\"",
    "\"\xC0\x80\"",
    "\"\xC1\xBF\"",
    "\"\xC3\"",
    "\"\xE0\x80\x80\"",
    "\"\xED\xA0\x80\"",
    "\"\xED\xBF\xBF\"",
    "\"\xF0\x80\x80\x80\"",
    "\"\xF4\x90\x80\x80\"",
    "\"\xF8\x88\x80\x80\x80\"",
    "\"\xFF\"",
    "\xFF",
    "[\xE9]",
    "{\"\xE9\":1}",
    "\"abc\xE2\x80",
    // White space that is none in JSON, byte order marks, other encodings.
    "\v1",
    "1\v",
    "\f[]",
    "[\f]",
    "[1,\v2]",
    "\u00A01",
    "[\u00A0]",
    "\u2028[]",
    "[]\u2029",
    "\u3000[]",
    "\xEF\xBB\xBF{}",
    "\xFE\xFF\0{\0}"sv,
    "\xFF\xFE{\0}\0"sv,
    "{\0}\0"sv,
    "\0{\0}"sv,
    "[\x7F]",
    "\x1A",
    "[]\x1A",
    "[]\x1B",
};

START_TEST(refusesHostile) {
    ck_assert_uint_gt(std::size(kHostile), 150);
    for (const std::string_view text : kHostile) {
        const Result<Value> result = json::parse(text);
        EXPECT_FOR(!result.ok(), text);
        EXPECT_FOR(result.status().code() == Code::InvalidJson, text);
        EXPECT_FOR(!result.status().detail().empty(), text);
        EXPECT_FOR(!json::validLine(text), text);
    }
}

START_TEST(takesGood) {
    constexpr std::string_view kGood[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-1",
        "1.5",
        "1e3",
        "1E+3",
        "1e-3",
        "0.0",
        "0e0",
        "1e308",
        "-1e308",
        "123456789012345678901234567890",
        "1e-300",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "{\"a\":{}}",
        " [ 1 , 2 ] ",
        "\t{\"a\" : 1}\t",
        "{\"\":0}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0041\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\uD83D\\uDE00\"",
        "\"\\udbff\\udfff\"",
        "\"\\uffff\"",
        "\"\\u0001\"",
        "\"\\\\u0000\"",
        "\"\\\\ud800\"",
        "\"é\"",
        "\"ж\"",
        "\"😀\"",
        "\"\x7F\"",
        "\"\u2028\"",
        "\"\uFEFF\"",
        "\"\U0010FFFF\"",
        "{\"a\":1,\"A\":2}",
        "{\"a\":{\"a\":{\"a\":1}}}",
        "[{\"a\":1},{\"a\":1}]",
        "[1,\"1\",null,true,{}]",
    };
    for (const std::string_view text : kGood) {
        EXPECT_FOR(json::parse(text).ok(), text);
        EXPECT_FOR(json::validLine(text), text);
    }
    ck_assert(json::parse("{\r\n\"a\": [\n1\n]\n}\n").ok());
}

START_TEST(validLineIsOneLine) {
    for (const std::string_view text :
         {"[\n]", "[]\n", "\n[]", "[\r]", "[]\r", "{\"a\":\r\n1}", "[]\n\ndata: x"}) {
        EXPECT_FOR(!json::validLine(text), text);
    }
    ck_assert(json::validLine("{\"a\":1,\"a\":2}"));  // keeps no keys
}

START_TEST(duplicateKeys) {
    EXPECT_FAILURE(json::parse("{\"a\":1,\"b\":2,\"a\":3}").status(), Code::InvalidJson,
                   "a");
    EXPECT_FAILURE(json::parse("[{\"x\":{\"k\":1,\"k\":1}}]").status(),
                   Code::InvalidJson, "k");
    // The same key, however it is written.
    EXPECT_FAILURE(json::parse("{\"a\":1,\"\\u0061\":2}").status(), Code::InvalidJson,
                   "a");
    EXPECT_FAILURE(json::parse("{\"/\":1,\"\\/\":2}").status(), Code::InvalidJson, "/");
    EXPECT_FAILURE(json::parse("{\"\":1,\"\":2}").status(), Code::InvalidJson, "");
    // What one's own objects have in common with those around them is fine.
    ck_assert(json::parse("{\"a\":{\"a\":1},\"b\":{\"a\":1}}").ok());
}

std::string nested(size_t depth) {
    return repeat("[", depth) + repeat("]", depth);
}

std::string nestedObjects(size_t depth) {
    return repeat("{\"a\":", depth) + "1" + repeat("}", depth);
}

START_TEST(depth) {
    ck_assert(json::parse(nested(limits::kJsonDepth)).ok());
    ck_assert(!json::parse(nested(limits::kJsonDepth + 1)).ok());
    ck_assert(json::parse(nestedObjects(limits::kJsonDepth)).ok());
    ck_assert(!json::parse(nestedObjects(limits::kJsonDepth + 1)).ok());
    ck_assert(json::validLine(nested(limits::kJsonDepth)));
    ck_assert(!json::validLine(nested(limits::kJsonDepth + 1)));
    ck_assert(!json::validLine(nested(1000000)));
    ck_assert(!json::validLine(repeat("[", 1000000)));
    ck_assert(!json::validLine(repeat("{\"a\":", 100000)));
    ck_assert(json::validLine("[" + repeat("[[]],", 10000) + "[]]"));
}

START_TEST(bounds) {
    Bounds few;
    few.bytes = 40;
    few.keys = 2;
    few.values = 4;
    few.depth = 2;
    ck_assert(json::parse("{\"a\":1,\"b\":[2]}", few).ok());
    EXPECT_TEXT(json::parse("[[[]]]", few).status().detail(), "too deep");
    EXPECT_TEXT(json::parse("{\"a\":1,\"b\":2,\"c\":3}", few).status().detail(),
                "too many keys");
    EXPECT_TEXT(json::parse("[{\"a\":1},{\"a\":1}]", few).status().detail(),
                "too many values");
    EXPECT_TEXT(json::parse("[1,2,3,4]", few).status().detail(), "too many values");
    EXPECT_TEXT(json::parse(repeat(" ", 39) + "12", few).status().detail(), "too long");
    ck_assert(json::parse(repeat(" ", 39) + "1", few).ok());

    std::string keys = "{\"k\":0";
    for (size_t i = 1; i < limits::kJsonKeys; ++i) {
        keys += ",\"k" + std::to_string(i) + "\":0";
    }
    ck_assert(json::parse(keys + "}").ok());
    ck_assert(!json::parse(keys + ",\"last\":0}").ok());
    ck_assert(json::parse("[" + repeat("1,", limits::kJsonValues - 2) + "1]").ok());
    ck_assert(!json::parse("[" + repeat("1,", limits::kJsonValues - 1) + "1]").ok());
}

START_TEST(tree) {
    const Result<Value> parsed = json::parse(
        "{\"s\":\"\\u0416\\ud83d\\ude00\\n\",\"n\":-1.50e3,\"t\":true,\"f\":false,"
        "\"z\":null,"
        "\"a\":[1,[2],{\"x\":3}],\"o\":{\"p\":{}}}");
    ck_assert(parsed.ok());
    const Value& root = parsed.value();
    ck_assert(root.is(Type::Object));
    ck_assert_uint_eq(root.members.size(), 7);
    EXPECT_TEXT(root.members[0].first, "s");
    EXPECT_TEXT(root.members[6].first, "o");
    EXPECT_TEXT(root.find("s")->text, "Ж😀\n");
    EXPECT_TEXT(root.find("n")->text, "-1.50e3");
    ck_assert(root.find("n")->is(Type::Number));
    ck_assert(root.find("t")->is(Type::Bool) && root.find("t")->boolean);
    ck_assert(root.find("f")->is(Type::Bool) && !root.find("f")->boolean);
    ck_assert(root.find("z")->is(Type::Null));
    const Value& array = *root.find("a");
    ck_assert_uint_eq(array.items.size(), 3);
    EXPECT_TEXT(array.items[1].items[0].text, "2");
    EXPECT_TEXT(array.items[2].find("x")->text, "3");
    ck_assert(root.find("o")->find("p")->is(Type::Object));
    ck_assert_ptr_null(root.find("q"));
    ck_assert_ptr_null(array.find("x"));
}

START_TEST(integers) {
    const auto read = [](std::string_view text) -> std::optional<uint64_t> {
        const Result<Value> value = json::parse(text);
        uint64_t number = 0;
        if (!value.ok() || !value->unsignedInteger(&number)) {
            return std::nullopt;
        }
        return number;
    };
    ck_assert(read("0") == 0u);
    ck_assert(read("42") == 42u);
    ck_assert(read("9007199254740991") == limits::kMaxInteger);
    ck_assert(read("7.00") == 7u);
    for (const std::string_view text :
         {"9007199254740992", "18446744073709551616", "-0", "-1", "1.5", "1.01", "1e2",
          "1.0e2", "\"1\"", "9007199254740992.0", "null", "true", "[]", "{}",
          "99999999999999999999999999"}) {
        EXPECT_FOR(!read(text), text);
    }
}

START_TEST(writes) {
    std::string out;
    Writer writer(out);
    writer.object().member("a", "x").member("n", uint64_t{7});
    writer.key("list").array().number(1).string("b").null().boolean(true).boolean(
        false);
    writer.object().end().array().end().raw("[1]").end();
    writer.key("raw").raw("{}").key("o").object().member("k", "v").end();
    writer.member("max", UINT64_MAX).end();
    EXPECT_TEXT(
        out,
        "{\"a\":\"x\",\"n\":7,\"list\":[1,\"b\",null,true,false,{},[],[1]],\"raw\":{},"
        "\"o\":{\"k\":\"v\"},\"max\":18446744073709551615}");
    ck_assert(json::validLine(out));
}

START_TEST(appends) {
    std::string out = "data: ";
    Writer(out).array().string("a").end();
    EXPECT_TEXT(out, "data: [\"a\"]");
}

START_TEST(escapes) {
    const auto quoted = [](std::string_view text) {
        std::string out;
        Writer(out).string(text);
        return out;
    };
    EXPECT_TEXT(quoted(""), "\"\"");
    EXPECT_TEXT(quoted("plain é 😀"), "\"plain é 😀\"");
    EXPECT_TEXT(quoted("\"\\/"), "\"\\\"\\\\/\"");
    EXPECT_TEXT(quoted("\n\r\t\b\f\v\x01\x1F\x7F\0"sv),
                "\"\\n\\r\\t\\u0008\\u000c\\u000b\\u0001\\u001f\\u007f\\u0000\"");
    EXPECT_TEXT(quoted("</script><!--&amp;"),
                "\"\\u003c/script\\u003e\\u003c!--\\u0026amp;\"");
    EXPECT_TEXT(quoted("a\u2028b\u2029c\u2027\u202A€"),
                "\"a\\u2028b\\u2029c\u2027\u202A€\"");
    EXPECT_TEXT(quoted("\u2028"), "\"\\u2028\"");
    EXPECT_TEXT(quoted("<<"), "\"\\u003c\\u003c\"");
    // Not UTF-8, which it must not be: no harm done, nothing read beyond the end.
    EXPECT_TEXT(quoted("\xE2"), "\"\xE2\"");
    EXPECT_TEXT(quoted("\xE2\x80"), "\"\xE2\x80\"");

    std::string out;
    Writer(out).object().member("<k>\n", "v").end();
    EXPECT_TEXT(out, "{\"\\u003ck\\u003e\\n\":\"v\"}");
}

// Every character comes back as itself, and none of them breaks out of line or element.
START_TEST(writtenTextReadsBack) {
    std::string text;
    for (uint32_t c = 1; c < 0x3000; ++c) {
        if (c < 0x80) {
            text += static_cast<char>(c);
        } else if (c < 0x800) {
            text += static_cast<char>(0xC0 | c >> 6);
            text += static_cast<char>(0x80 | (c & 0x3F));
        } else {
            text += static_cast<char>(0xE0 | c >> 12);
            text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
            text += static_cast<char>(0x80 | (c & 0x3F));
        }
    }
    std::string out;
    Writer(out).string(text);
    EXPECT_FOR(out.find_first_of("<>&\n\r") == std::string::npos, "markup");
    ck_assert(json::validLine(out));
    Bounds wide;
    wide.bytes = out.size();
    const Result<Value> back = json::parse(out, wide);
    ck_assert(back.ok());
    EXPECT_TEXT(back->text, text);
}

}  // namespace

Suite* jsonSuite() {
    return suiteOf("json", {refusesHostile, takesGood, validLineIsOneLine,
                            duplicateKeys, depth, bounds, tree, integers, writes,
                            appends, escapes, writtenTextReadsBack});
}

}  // namespace messaging::unit
