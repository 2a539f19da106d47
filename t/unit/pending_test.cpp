// Tests for the table of what waits: tickets that outlive their entries, limits, and a
// long random walk beside a plain map.
#include "ngx_module/core/pending.hpp"

#include <map>
#include <memory>
#include <random>

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using core::Pending;

START_TEST(keepsAndForgets) {
    Pending<std::string> table(10);
    const uint64_t one = table.add("one");
    const uint64_t two = table.add("two");
    ck_assert(one != 0 && two != 0 && one != two);
    EXPECT_TEXT(*table.find(one), "one");
    EXPECT_TEXT(*table.find(two), "two");
    ck_assert(table.size() == 2);
    ck_assert(table.erase(one));
    ck_assert(!table.erase(one));
    ck_assert(table.find(one) == nullptr);
    ck_assert(table.size() == 1);
    const uint64_t three = table.add("three");  // in the place of one
    ck_assert(table.find(one) == nullptr);
    ck_assert(!table.erase(one));
    EXPECT_TEXT(*table.find(three), "three");
}

START_TEST(knowsNoOtherTickets) {
    Pending<int> table(10);
    ck_assert(table.find(0) == nullptr);
    const uint64_t ticket = table.add(1);
    for (const uint64_t other :
         {uint64_t{0}, ticket + 1, ticket - 1, ticket ^ uint64_t{1} << 32,
          ticket & 0xFFFFFFFF, UINT64_MAX}) {
        ck_assert(table.find(other) == nullptr);
        ck_assert(!table.erase(other));
    }
    ck_assert(table.find(ticket) != nullptr);
}

START_TEST(isBounded) {
    Pending<int> table(3);
    uint64_t last = 0;
    for (int i = 0; i < 3; ++i) {
        last = table.add(i);
        ck_assert(last != 0);
    }
    ck_assert(table.add(3) == 0);
    ck_assert(table.size() == 3);
    ck_assert(table.erase(last));
    ck_assert(table.add(4) != 0);
    ck_assert(table.add(5) == 0);
    Pending<int> none(0);
    ck_assert(none.add(1) == 0);
}

START_TEST(destroysWhatItForgets) {
    const auto shared = std::make_shared<int>(1);
    Pending<std::shared_ptr<int>> table(10);
    const uint64_t ticket = table.add(shared);
    ck_assert(shared.use_count() == 2);
    table.erase(ticket);
    ck_assert(shared.use_count() == 1);
    Pending<std::unique_ptr<int>> moved(10);
    ck_assert(moved.add(std::make_unique<int>(1)) != 0);
}

START_TEST(listsTickets) {
    Pending<int> table(10);
    const uint64_t one = table.add(1);
    const uint64_t two = table.add(2);
    const uint64_t three = table.add(3);
    table.erase(two);
    const std::vector<uint64_t> all = table.tickets();
    ck_assert((all == std::vector<uint64_t>{one, three}));
    for (const uint64_t ticket : all) {
        ck_assert(table.erase(ticket));
    }
    ck_assert(table.tickets().empty());
}

START_TEST(walksLikeAMap) {
    Pending<int> table(100);
    std::map<uint64_t, int> model;
    std::vector<uint64_t> gone;
    std::mt19937 random(1);
    for (int step = 0; step < 100000; ++step) {
        if (random() % 2 == 0) {
            const uint64_t ticket = table.add(step);
            ck_assert((ticket == 0) == (model.size() == 100));
            if (ticket != 0) {
                ck_assert(model.emplace(ticket, step).second);
            }
        } else if (!model.empty()) {
            auto entry =
                std::next(model.begin(), static_cast<long>(random() % model.size()));
            ck_assert(*table.find(entry->first) == entry->second);
            ck_assert(table.erase(entry->first));
            gone.push_back(entry->first);
            model.erase(entry);
        }
        if (!gone.empty()) {
            ck_assert(table.find(gone[random() % gone.size()]) == nullptr);
        }
        ck_assert(table.size() == model.size());
    }
}

}  // namespace

Suite* pendingSuite() {
    return suiteOf("pending", {keepsAndForgets, knowsNoOtherTickets, isBounded,
                               destroysWhatItForgets, listsTickets, walksLikeAMap});
}

}  // namespace messaging::unit
