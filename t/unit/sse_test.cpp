// Tests for sse: cursors from clients, frames byte by byte, both framings.
#include "ngx_module/core/sse.hpp"

#include "schema/model.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using namespace messaging::core;
using namespace std::string_view_literals;

constexpr std::string_view kRun = "0123456789abcdef";

START_TEST(cursorsGoRound) {
    const Cursor cursors[] = {{{1700000000000, 0}, 0},
                              {{1700000000000, 17}, 3},
                              {{0, 0}, 0},
                              {{UINT64_MAX, UINT64_MAX}, UINT32_MAX}};
    for (const Cursor& cursor : cursors) {
        std::string text;
        appendCursor(text, kRun, cursor);
        const auto back = parseCursor(text, kRun);
        EXPECT_FOR(back && back->id == cursor.id && back->events == cursor.events,
                   text);
    }
    std::string text;
    appendCursor(text, kRun, {{1700000000000, 17}, 3});
    EXPECT_TEXT(text, "0123456789abcdef.1700000000000-17.3");
}

START_TEST(foreignCursors) {
    const std::string run(kRun);
    const std::string tooLong = run + ".1-" + repeat("0", 5000);
    const std::string bad[] = {
        "",
        "x",
        run,
        run + ".",
        run + ".1",
        run + ".1-",
        run + ".-1",
        run + ".1-2.",
        run + ".1-2.0",
        run + ".1-2.01",
        run + ".1-2.4294967296",
        run + ".1-2.3.4",
        run + ".1-2.3+" + run + ".1-2",
        run + ".1-2+",
        run + ".01-2",
        run + ".1-02",
        run + ".1-2 ",
        " " + run + ".1-2",
        run + ".18446744073709551616-0",
        run + ".1--2",
        run + "..1-2",
        run + "-1-2",
        "0123456789abcdee.1-2",
        "0123456789ABCDEF.1-2",
        "23456789abcdef.1-2",
        run + std::string(".1-2\0", 5),
        tooLong,
    };
    for (const std::string& text : bad) {
        EXPECT_FOR(!parseCursor(text, kRun), text);
    }
    ck_assert(!parseCursor(".1-2", ""));
}

START_TEST(framesOfEntries) {
    const std::vector<Entry> entries = {
        {{5, 0}, {{"message", R"({"a":1})"}, {"unread", R"({"b":2})"}}},
        {{6, 1}, {}},
        {{7, 0}, {{"read", "{}"}}}};
    const std::string first =
        "id: 0123456789abcdef.5-0.1\nevent: message\n"
        "data: {\"a\":1}\n\n";
    const std::string rest =
        "id: 0123456789abcdef.5-0\nevent: unread\ndata: {\"b\":2}\n\n"
        "id: 0123456789abcdef.7-0\nevent: read\ndata: {}\n\n";
    std::string all;
    appendBatch(all, kRun, {entries.data(), 3, 0});
    EXPECT_TEXT(all, first + rest);
    std::string some;
    appendBatch(some, kRun, {entries.data(), 3, 1});
    EXPECT_TEXT(some, rest);
    std::string none;
    appendBatch(none, kRun, {entries.data(), 0, 0});
    appendBatch(none, kRun, {entries.data() + 1, 1, 0});
    appendBatch(none, kRun, {entries.data() + 2, 1, 7});
    EXPECT_TEXT(none, "");
}

constexpr uint64_t kTag = 0x00112233445566ff;

// Two logs: a cursor over both, of which events of either move their part.
START_TEST(placesOfTwo) {
    const std::string both = "0123456789abcdef.5-0.2+00112233445566ff.1700000000000-7";
    const Place place{{{5, 0}, 2}, {{1700000000000, 7}, 0}, kTag};
    std::string text;
    appendPlace(text, kRun, place);
    EXPECT_TEXT(text, both);
    const auto back = parsePlace(both, kRun, kTag);
    ck_assert(back && back->own.events == 2 && back->team.id == place.team.id);
    ck_assert(parsePlace("0123456789abcdef.5-0", kRun, 0));
    const std::string bad[] = {
        "",
        "+",
        "0123456789abcdef.5-0",
        "0123456789abcdef.5-0+",
        "0123456789abcdef.5-0+0123456789abcdef.5-0",
        "0123456789abcdef.5-0+00112233445566fe.5-0",
        "00112233445566ff.5-0+0123456789abcdef.5-0",
        "0123456789abcdef.5-0+00112233445566ff.5-0+00112233445566ff.5-0"};
    for (const std::string& one : bad) {
        EXPECT_FOR(!parsePlace(one, kRun, kTag), one);
    }
    ck_assert(!parsePlace(both, kRun, 0) && !parsePlace(both, kRun, kTag + 1));

    const std::vector<Entry> entries = {{{6, 0}, {{"read", "1"}, {"read", "2"}}}};
    std::string own;
    appendBatch(own, kRun, {entries.data(), 1, 1}, place);
    EXPECT_TEXT(own,
                "id: 0123456789abcdef.6-0+00112233445566ff.1700000000000-7\n"
                "event: read\ndata: 2\n\n");
    std::string team;
    appendBatch(team, kRun, {entries.data(), 1, 0, true}, place);
    EXPECT_TEXT(team,
                "id: 0123456789abcdef.5-0.2+00112233445566ff.6-0.1\nevent: read\n"
                "data: 1\n\nid: 0123456789abcdef.5-0.2+00112233445566ff.6-0\n"
                "event: read\ndata: 2\n\n");
}

// What is for the module is not for its clients.
START_TEST(revocations) {
    const std::string inbox = "00112233445566ff8899aabbccddeeff";
    const std::vector<Entry> entries = {
        {{5, 0}, {{"read", "1"}, {kRevoked, revokedEvent(inbox)}}},
        {{6, 0}, {{"read", "2"}}}};
    const Batch all{entries.data(), 2, 0};
    ck_assert(revokes(all, kTag) && !revokes(all, kTag + 1) && !revokes(all, 0));
    ck_assert(!revokes({entries.data() + 1, 1, 0}, kTag));
    ck_assert(!revokes({entries.data(), 2, 0, true}, kTag));
    std::string out;
    appendBatch(out, kRun, all);
    EXPECT_TEXT(out,
                "id: 0123456789abcdef.5-0.1\nevent: read\ndata: 1\n\n"
                "id: 0123456789abcdef.6-0\nevent: read\ndata: 2\n\n");
}

START_TEST(framesOfTheStream) {
    std::string out;
    appendHello(out, kRun, Place{{{5, 0}, 2}}, R"({"id":"a"})", true, 2345);
    EXPECT_TEXT(out,
                "retry: 2345\nid: 0123456789abcdef.5-0.2\nevent: hello\n"
                "data: {\"id\":\"a\",\"resumed\":true}\n\n");
    out.clear();
    appendHello(out, kRun, Place{{{5, 0}, 0}}, "{}", false, 1);
    EXPECT_TEXT(out,
                "retry: 1\nid: 0123456789abcdef.5-0\nevent: hello\n"
                "data: {\"resumed\":false}\n\n");
    out.clear();
    appendReset(out, kRun, Place{{{9, 1}, 0}}, "gap");
    EXPECT_TEXT(
        out, "id: 0123456789abcdef.9-1\nevent: reset\ndata: {\"reason\":\"gap\"}\n\n");
    out.clear();
    appendWhisper(out, {{}, {{"typing", "{}"}, {"presence", "[]"}}});
    EXPECT_TEXT(out, "event: typing\ndata: {}\n\nevent: presence\ndata: []\n\n");
    out.clear();
    appendBye(out, "reload", 777);
    EXPECT_TEXT(out, "retry: 777\nevent: bye\ndata: {\"code\":\"reload\"}\n\n");
}

START_TEST(blocks) {
    Block block;
    ck_assert(block.empty());
    EXPECT_TEXT(block.plain(), "");
    EXPECT_TEXT(block.chunk(), "");
    block.frames() += kHeartbeat;
    ck_assert(!block.empty());
    EXPECT_TEXT(block.chunk(), "3\r\n:\n\n\r\n");
    EXPECT_TEXT(block.plain(), ":\n\n");
    EXPECT_TEXT(block.chunk(), "3\r\n:\n\n\r\n");
    block.clear();
    block.frames() += repeat("x", 0x12345);
    EXPECT_TEXT(block.chunk(), "12345\r\n" + repeat("x", 0x12345) + "\r\n");
    EXPECT_TEXT(block.chunk(), "12345\r\n" + repeat("x", 0x12345) + "\r\n");
    block.clear();
    ck_assert(block.empty());
    block.frames() += "0123456789abcdef";
    EXPECT_TEXT(block.plain(), "0123456789abcdef");
    EXPECT_TEXT(block.chunk(), "10\r\n0123456789abcdef\r\n");
}

}  // namespace

Suite* sseSuite() {
    return suiteOf("sse", {cursorsGoRound, foreignCursors, framesOfEntries, placesOfTwo,
                           revocations, framesOfTheStream, blocks});
}

}  // namespace messaging::unit
