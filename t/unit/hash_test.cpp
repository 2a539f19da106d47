// Tests for digest: its bytes are a format (ids are derived from it), and parts keep
// apart.
#include "schema/hash.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

// Each checked against `printf '…' | sha256sum | cut -c-32`.
START_TEST(golden) {
    EXPECT_TEXT(digest({""}), "ba768b331fd86cec803be04e56ab2b3d");
    EXPECT_TEXT(digest({"abc"}), "aab5f9ae99b2e38fb462025c8f72f570");
    EXPECT_TEXT(digest({"a", "bc"}), "5310a58788781ab25d5ad7c3f8503582");
}

START_TEST(noParts) {
    const std::vector<std::string_view> none;
    EXPECT_TEXT(digest(none), "e3b0c44298fc1c149afbf4c8996fb924");
}

START_TEST(partsDoNotRunTogether) {
    ck_assert(digest({"ab", "c"}) != digest({"a", "bc"}));
    ck_assert(digest({"a", ""}) != digest({"a"}));
    ck_assert(digest({"", "a"}) != digest({"a", ""}));
    ck_assert(digest({"1:a"}) != digest({"a"}));
    ck_assert(digest({"a1:b"}) != digest({"a", "b"}));
    ck_assert(digest({"a", "b"}) != digest({"b", "a"}));
}

START_TEST(anyBytes) {
    using namespace std::string_view_literals;
    ck_assert(digest({"\0"sv}) != digest({""sv}));
    ck_assert(digest({"a\0b"sv}) != digest({"a"sv}));
    ck_assert_uint_eq(digest({repeat("x", 1 << 20)}).size(), 32);
}

}  // namespace

Suite* hashSuite() {
    return suiteOf("hash", {golden, noParts, partsDoNotRunTogether, anyBytes});
}

}  // namespace messaging::unit
