// Tests for keys: names and derived ids are formats that outlive a version, so their
// bytes stand here; and nobody can choose an id that clashes with another's.
#include "schema/keys.hpp"

#include <set>

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

const char* const kInbox = "00112233445566778899aabbccddeeff";
const char* const kRun = "0123456789abcdef0123456789abcdef01234567";

START_TEST(names) {
    const Keys keys("msg:");
    EXPECT_TEXT(keys.commands(0), "msg:{w0}:commands");
    EXPECT_TEXT(keys.commands(15), "msg:{w15}:commands");
    EXPECT_TEXT(keys.lease(3), "msg:{w3}:lease");
    EXPECT_TEXT(keys.dead(3), "msg:{w3}:dead");
    EXPECT_TEXT(keys.reads(), "msg:{reads}:commands");
    EXPECT_TEXT(keys.workers(), "msg:workers");
    EXPECT_TEXT(keys.status(), "msg:status");
    EXPECT_TEXT(keys.reply("abc"), "msg:reply:abc");
    EXPECT_TEXT(keys.channel(kInbox), "msg:{00112233445566778899aabbccddeeff}:live");
    EXPECT_TEXT(keys.log(kInbox, kRun),
                "msg:{00112233445566778899aabbccddeeff}:log:0123456789abcdef");
    EXPECT_TEXT(keys.badge(kInbox, kRun),
                "msg:{00112233445566778899aabbccddeeff}:badge:0123456789abcdef");
    EXPECT_TEXT(Keys("").workers(), "workers");
}

START_TEST(shortRun) {
    EXPECT_TEXT(Keys("").log("i", "abc"), "{i}:log:abc");
    EXPECT_TEXT(Keys("").badge("i", ""), "{i}:badge:");
}

START_TEST(goldenIds) {
    EXPECT_TEXT(directId("shop", {"ann", "bob"}, "", ""),
                "54bb0cf32a92d8908620ce4c4989b249");
    EXPECT_TEXT(directId("shop", {"ann", "bob"}, "product", "7"),
                "f646b048c02a47a3b2473b0ca469ea83");
    EXPECT_TEXT(inboxId("shop", "ann"), "144dffae92963daa864abfbf4fdb2423");
    ck_assert_uint_eq(shardOf("54bb0cf32a92d8908620ce4c4989b249"), 5);
    ck_assert_uint_eq(shardOf("imported/42"), 6);
    ck_assert_uint_eq(shardOf(""), 7);
}

START_TEST(orderAndDoublesDoNotMatter) {
    const std::string id = directId("s", {"a", "b", "c"}, "", "");
    EXPECT_TEXT(directId("s", {"c", "b", "a"}, "", ""), id);
    EXPECT_TEXT(directId("s", {"b", "a", "c", "a", "b"}, "", ""), id);
}

START_TEST(nothingClashes) {
    const std::string ids[] = {
        directId("s", {"a", "b"}, "", ""),
        directId("t", {"a", "b"}, "", ""),
        directId("s", {"ab"}, "", ""),
        directId("s", {"a", "b", "c"}, "", ""),
        directId("s", {"a", "bc"}, "", ""),
        directId("s", {"ab", "c"}, "", ""),
        directId("s", {"a,b"}, "", ""),
        directId("s", {"a", "b"}, "product", "1"),
        directId("s", {"a", "b"}, "product", "11"),
        directId("s", {"a", "b"}, "product1", "1"),
        directId("s", {"a", "b"}, "", "product1"),
        directId("s", {"a", "b"}, "1", "product"),
        directId("s", {"a", "b", "product"}, "", "1"),
        directId("s", {"1", "a", "b"}, "product", ""),
        // Parts that carry another part's prefix inside.
        directId("s", {"a1:b"}, "", ""),
        directId("s", {"a", "1:b"}, "", ""),
        directId("s0:0:", {"a", "b"}, "", ""),
        directId("s", {"a", "b"}, "0:", ""),
        directId("s", {"a", "b"}, "", "0:"),
        directId("s", {"1:a1:b"}, "", ""),
        inboxId("s", "a"),
        inboxId("s", "b"),
        inboxId("sa", ""),
        inboxId("", "sa"),
        inboxId("s", "team:a"),
    };
    const std::set<std::string> distinct(std::begin(ids), std::end(ids));
    ck_assert_uint_eq(distinct.size(), std::size(ids));
    for (const std::string& id : distinct) {
        ck_assert_uint_eq(id.size(), 32);
        ck_assert(id.find_first_not_of("0123456789abcdef") == std::string::npos);
    }
}

START_TEST(shardsAreEven) {
    size_t counts[limits::kShards] = {};
    for (int i = 0; i < 16000; ++i) {
        const unsigned shard = shardOf(std::to_string(i));
        ck_assert_uint_lt(shard, limits::kShards);
        ++counts[shard];
    }
    for (const size_t count : counts) {
        ck_assert_uint_gt(count, 800);
        ck_assert_uint_lt(count, 1200);
    }
}

START_TEST(prefixes) {
    const std::string longest(64, 'x');
    for (const std::string_view good :
         {std::string_view("messaging:"), std::string_view("a"), std::string_view("~!"),
          std::string_view(longest)}) {
        EXPECT_FOR(validPrefix(good), good);
    }
    for (const std::string& bad :
         {std::string(), longest + 'x', std::string("a b"), std::string("a{b"),
          std::string("a}b"), std::string("a\n"), std::string("\x7F"),
          std::string("é")}) {
        EXPECT_FOR(!validPrefix(bad), bad);
    }
}

}  // namespace

Suite* keysSuite() {
    return suiteOf("keys", {names, shortRun, goldenIds, orderAndDoublesDoNotMatter,
                            nothingClashes, shardsAreEven, prefixes});
}

}  // namespace messaging::unit
