// Tests for drain: bounds of every draw, and how the end of many streams is spread.
#include "ngx_module/core/drain.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using namespace messaging::core;

START_TEST(draws) {
    ck_assert_uint_eq(between(5, 5, 0), 5);
    ck_assert_uint_eq(between(5, 5, UINT32_MAX), 5);
    ck_assert_uint_eq(between(10, 19, 0), 10);
    ck_assert_uint_eq(between(10, 19, UINT32_MAX), 19);
    ck_assert_uint_eq(between(0, 1, 0x7FFFFFFF), 0);
    ck_assert_uint_eq(between(0, 1, 0x80000000), 1);
    ck_assert_uint_eq(retryTime(3000, 0), 3000);
    ck_assert_uint_eq(retryTime(3000, UINT32_MAX), 6000);
    ck_assert_uint_eq(lifetime(86400000, 0), 77760000);
    ck_assert_uint_eq(lifetime(86400000, UINT32_MAX), 86400000);
    ck_assert_uint_eq(heartbeatTime(15000, 0), 12000);
    ck_assert_uint_eq(heartbeatTime(15000, UINT32_MAX), 15000);
}

START_TEST(nothingBeforeItBegins) {
    const Drain drain;
    ck_assert(!drain.begun());
    ck_assert(drain.allowed(0) == SIZE_MAX);
    ck_assert(!drain.over(UINT64_MAX));
}

START_TEST(manyAreSpreadOverTheWindow) {
    Drain drain;
    drain.begin(1000, 2000, 10000);
    ck_assert(drain.begun());
    ck_assert_uint_eq(drain.allowed(1000), 1999);
    ck_assert_uint_eq(drain.allowed(5000), 999);
    size_t last = 2000;
    for (uint64_t now = 1000; now <= 9000; now += 50) {
        const size_t left = drain.allowed(now);
        ck_assert(left <= last);
        ck_assert(last - left <= 14);  // 12.5 in 50 ms
        last = left;
    }
    ck_assert_uint_eq(drain.allowed(8995), 1);
    ck_assert_uint_eq(drain.allowed(9000), 0);
    ck_assert(!drain.over(9999));
    ck_assert(drain.over(10000));
    // A second begin changes nothing.
    drain.begin(5000, 10, 10000);
    ck_assert_uint_eq(drain.allowed(5000), 999);
}

START_TEST(fewAreGoneSoon) {
    Drain drain;
    drain.begin(0, 5, 10000);
    ck_assert_uint_eq(drain.allowed(0), 4);
    ck_assert_uint_eq(drain.allowed(100), 0);
    Drain none;
    none.begin(0, 0, 10000);
    ck_assert_uint_eq(none.allowed(0), 0);
    Drain hurried;
    hurried.begin(7, 100, 0);
    ck_assert_uint_eq(hurried.allowed(7), 0);
    ck_assert(hurried.over(7));
}

START_TEST(aClockThatIsBehind) {
    Drain drain;
    drain.begin(1000, 100, 1000);
    ck_assert_uint_eq(drain.allowed(900), 99);
    ck_assert(!drain.over(900));
}

}  // namespace

Suite* drainSuite() {
    return suiteOf("drain", {draws, nothingBeforeItBegins, manyAreSpreadOverTheWindow,
                             fewAreGoneSoon, aClockThatIsBehind});
}

}  // namespace messaging::unit
