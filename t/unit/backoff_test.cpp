// Tests for the pauses between tries, and for the words that a link to Redis goes by.
#include "ngx_module/core/backoff.hpp"

#include <algorithm>
#include <random>

#include "schema/redis_words.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using core::Backoff;

START_TEST(growsAndStaysBounded) {
    constexpr unsigned kSteps[] = {200, 400, 800, 1600, 2000, 2000, 2000};
    Backoff least;
    Backoff most;
    for (const unsigned step : kSteps) {
        ck_assert_uint_eq(least.next(0), step / 2);
        ck_assert_uint_eq(most.next(step / 2), step);
    }
    std::mt19937 random(1);
    Backoff any;
    for (int i = 0; i < 10000; ++i) {
        const unsigned pause = any.next(static_cast<uint32_t>(random()));
        ck_assert_uint_ge(pause, Backoff::kLeast);
        ck_assert_uint_le(pause, Backoff::kMost);
    }
    any.reset();
    ck_assert_uint_le(any.next(UINT32_MAX), 2 * Backoff::kLeast);
}

START_TEST(spreads) {
    std::mt19937 random(1);
    unsigned low = Backoff::kMost;
    unsigned high = 0;
    for (int i = 0; i < 1000; ++i) {
        Backoff backoff;
        for (int step = 0; step < 5; ++step) {
            backoff.next(0);
        }
        const unsigned pause = backoff.next(static_cast<uint32_t>(random()));
        low = std::min(low, pause);
        high = std::max(high, pause);
    }
    ck_assert_uint_lt(low, 1050);
    ck_assert_uint_gt(high, 1950);
}

START_TEST(readsInfo) {
    constexpr std::string_view kInfo =
        "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\nempty:\r\nlast:x:y";
    EXPECT_TEXT(infoField(kInfo, "run_id"), "abc");
    EXPECT_TEXT(infoField(kInfo, "redis_version"), "7.0.15");
    EXPECT_TEXT(infoField(kInfo, "last"), "x:y");
    EXPECT_TEXT(infoField(kInfo, "empty"), "");
    for (const char* name : {"run", "id", "run_i", "run_id:", "# Server", "nothing"}) {
        EXPECT_TEXT(infoField(kInfo, name), "");
    }
    EXPECT_TEXT(infoField("", "run_id"), "");
    EXPECT_TEXT(infoField("\n\n\r\n", "run_id"), "");
    EXPECT_TEXT(infoField("run_id:", "run_id"), "");
    EXPECT_TEXT(infoField("run_id:abc\n", "run_id"), "abc");
}

START_TEST(knowsErrors) {
    for (const char* error :
         {"LOADING Redis is loading the dataset in memory",
          "NOAUTH Authentication required.",
          "READONLY You can't write against a read only replica.", "MASTERDOWN Link"}) {
        EXPECT_FOR(meansDown(error), error);
    }
    for (const char* error : {"", "ERR unknown command", "WRONGTYPE x", "OOM command",
                              "LOAD", "ERR LOADING", "NOSCRIPT", "BUSY"}) {
        EXPECT_FOR(!meansDown(error), error);
    }
}

}  // namespace

Suite* backoffSuite() {
    return suiteOf("backoff", {growsAndStaysBounded, spreads, readsInfo, knowsErrors});
}

}  // namespace messaging::unit
