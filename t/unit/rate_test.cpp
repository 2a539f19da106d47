// Tests for rates: what a configuration may say, and that what one process lets
// through, asks and refuses keeps to a bucket that Redis would keep.
#include "ngx_module/core/rate.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using core::Charge;
using core::parseRate;
using core::Rate;
using core::RateMemory;
using core::rateWait;
using Verdict = core::RateMemory::Verdict;

constexpr uint64_t kSecond = 1000000;

// Ten at once, one a second.
const Rate kTen = {kSecond, 10 * kSecond};

Verdict judge(RateMemory& memory, const std::vector<Charge>& charges, uint64_t now) {
    uint64_t wait = 0;
    return memory.judge(charges, now, &wait);
}

START_TEST(parses) {
    const struct {
        const char* text;
        uint64_t interval;
        uint64_t burst;
    } kRows[] = {
        {"off", 0, 0},
        {"1/s", kSecond, kSecond},
        {"60/m", kSecond, 60 * kSecond},
        {"20/h", 180 * kSecond, 3600 * kSecond},
        {"1/d", 86400 * kSecond, 86400 * kSecond},
        {"7/s", 142857, 999999},
        {"1000000/s", 1, kSecond},
    };
    for (const auto& row : kRows) {
        const auto rate = parseRate(row.text);
        EXPECT_FOR(rate.has_value(), row.text);
        EXPECT_FOR(rate->interval == row.interval && rate->burst == row.burst,
                   row.text);
        EXPECT_FOR(rate->limited() == (row.interval != 0), row.text);
    }
    for (const char* text :
         {"", "/", "1", "1/", "/m", "0/s", "1000001/s", "-1/s", "1.5/s", "1/w", "1/S",
          "1 /s", "1/s ", "1/m/m", "on", "0", "OFF", "99999999999999999999/s"}) {
        EXPECT_FOR(!parseRate(text), text);
    }
}

START_TEST(waits) {
    ck_assert_uint_eq(rateWait(kTen, 0), 0);
    ck_assert_uint_eq(rateWait(kTen, 9 * kSecond), 0);
    ck_assert_uint_eq(rateWait(kTen, 9 * kSecond + 1), 1);
    ck_assert_uint_eq(rateWait(kTen, 10 * kSecond), kSecond);
    ck_assert_uint_eq(rateWait(kTen, 20 * kSecond), 11 * kSecond);
}

START_TEST(passesHalfThenAsksThenRefuses) {
    RateMemory memory(8);
    const std::vector<Charge> charges = {{"alice", kTen}};
    uint64_t now = 5 * kSecond;
    for (int i = 0; i < 5; i++) {
        ck_assert(judge(memory, charges, now) == Verdict::Pass);
    }
    // An Ask is counted by Redis's answer, not here.
    for (int i = 0; i < 20; i++) {
        ck_assert(judge(memory, charges, now) == Verdict::Ask);
    }
    memory.learn(charges[0], 9 * kSecond, now);
    ck_assert(judge(memory, charges, now) == Verdict::Ask);
    memory.learn(charges[0], 10 * kSecond, now);
    uint64_t wait = 0;
    ck_assert(memory.judge(charges, now, &wait) == Verdict::Refuse);
    ck_assert_uint_eq(wait, kSecond);
    // A refusal costs nothing: others are not delayed by it.
    now += kSecond;
    ck_assert(judge(memory, charges, now) == Verdict::Ask);
    now += 4 * kSecond;
    ck_assert(judge(memory, charges, now) == Verdict::Ask);
    now += kSecond;
    ck_assert(judge(memory, charges, now) == Verdict::Pass);
    ck_assert(judge(memory, {{"bob", kTen}}, now) == Verdict::Pass);
}

START_TEST(hearsOfOtherProcesses) {
    RateMemory memory(8);
    const Charge charge = {"alice", kTen};
    ck_assert(judge(memory, {charge}, 0) == Verdict::Pass);
    memory.learn(charge, 15 * kSecond, 0);
    ck_assert(judge(memory, {charge}, 0) == Verdict::Refuse);
    // An older answer takes nothing back: this process's own may be on their way.
    memory.learn(charge, kSecond, 0);
    ck_assert(judge(memory, {charge}, 0) == Verdict::Refuse);
    // Nothing locks out for longer than two bursts.
    memory.learn(charge, UINT64_MAX, 0);
    ck_assert(judge(memory, {charge}, 11 * kSecond) != Verdict::Refuse);
    memory.clear();
    ck_assert(judge(memory, {charge}, 0) == Verdict::Pass);
}

START_TEST(bothOrNone) {
    RateMemory memory(8);
    const Charge send = {"send", kTen};
    const Charge start = {"start", {kSecond, 2 * kSecond}};
    ck_assert(judge(memory, {start, send}, 0) == Verdict::Pass);
    ck_assert(judge(memory, {start, send}, 0) == Verdict::Ask);
    for (int i = 0; i < 4; i++) {
        ck_assert(judge(memory, {send}, 0) == Verdict::Pass);
    }
    ck_assert(judge(memory, {send}, 0) == Verdict::Ask);
    memory.learn(start, 2 * kSecond, 0);
    uint64_t wait = 0;
    ck_assert(memory.judge({start, send}, 0, &wait) == Verdict::Refuse);
    ck_assert_uint_eq(wait, kSecond);
    ck_assert(judge(memory, {send}, 0) == Verdict::Ask);
}

START_TEST(givesBack) {
    RateMemory memory(8);
    const Charge charge = {"alice", kTen};
    memory.refund(charge, 0);
    ck_assert_uint_eq(memory.size(), 0);
    memory.learn(charge, 10 * kSecond, 0);
    ck_assert(judge(memory, {charge}, 0) == Verdict::Refuse);
    memory.refund(charge, 0);
    ck_assert(judge(memory, {charge}, 0) == Verdict::Ask);
    for (int i = 0; i < 20; i++) {
        memory.refund(charge, 0);
    }
    ck_assert(judge(memory, {charge}, 0) == Verdict::Pass);
}

START_TEST(bounded) {
    RateMemory memory(3);
    memory.learn({"flood", kTen}, 10 * kSecond, 0);
    for (int i = 0; i < 100; i++) {
        ck_assert(judge(memory, {{std::to_string(i), kTen}}, 0) == Verdict::Pass);
        if (i < 50) {  // who is used stays
            memory.learn({"flood", kTen}, 10 * kSecond, 0);
            ck_assert(judge(memory, {{"flood", kTen}}, 0) == Verdict::Refuse);
        }
        ck_assert_uint_le(memory.size(), 3);
    }
    ck_assert(judge(memory, {{"flood", kTen}}, 0) == Verdict::Pass);
}

}  // namespace

Suite* rateSuite() {
    return suiteOf("rate", {parses, waits, passesHalfThenAsksThenRefuses,
                            hearsOfOtherProcesses, bothOrNone, givesBack, bounded});
}

}  // namespace messaging::unit
