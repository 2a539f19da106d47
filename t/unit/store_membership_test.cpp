// The contract's second half: memberships. Whatever order updates come in, however
// often and from whom, the numbers and what hangs on them end the same.
#include <algorithm>
#include <thread>

#include "t/unit/store_data.hpp"

namespace messaging::unit {
namespace {

using worker::ListPlace;
using worker::ListRange;

START_TEST(raiseInAnyOrder) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    // What three batches say of one member: they write, they read, somebody else
    // writes.
    const std::vector<Membership> updates = {membershipOf("", "ann", 4, 2, 3, 1),
                                             membershipOf("", "ann", 5, 2, 5, 2),
                                             membershipOf("", "ann", 9, 3, 2, 0)};
    Membership wanted = membershipOf("", "ann", 9, 3, 5, 2);
    std::vector<size_t> order = {0, 1, 2};
    int permutation = 0;
    do {
        const std::string id = "c" + std::to_string(++permutation);
        wanted.conversation = id;
        for (int twice = 0; twice < 2; ++twice) {
            for (const size_t i : order) {
                Membership update = updates[i];
                update.conversation = id;
                raised(*store, {update});
            }
            EXPECT_TEXT(textOf(only(*store, id, "ann")), textOf(wanted));
        }
    } while (std::next_permutation(order.begin(), order.end()));
    ck_assert_int_eq(permutation, 6);
    ck_assert_uint_eq(taken(store->unread(kSite, "ann")).count,
                      6 * ((9 - 3) - (5 - 2)));
}

START_TEST(previewRisesWithLastSeq) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    Membership opening = membershipOf("c", "ann", 0, 0, 0, 0);
    opening.activity = 500;
    opening.preview = {};
    raised(*store, {opening});
    EXPECT_TEXT(textOf(only(*store, "c", "ann")), textOf(opening));
    Membership again = opening;
    again.activity = 900;
    raised(*store, {again});
    EXPECT_TEXT(textOf(only(*store, "c", "ann")), textOf(opening));

    const Membership first = membershipOf("c", "ann", 2, 0, 0, 0);
    raised(*store, {first});
    EXPECT_TEXT(textOf(only(*store, "c", "ann")), textOf(first));
    // The same seq with another text, and an older one with a later time.
    Membership same = membershipOf("c", "ann", 2, 0, 1, 0);
    same.activity = 9000;
    same.preview.content = "other";
    Membership older = membershipOf("c", "ann", 1, 0, 0, 0);
    older.activity = 9999;
    raised(*store, {same, older});
    Membership wanted = first;
    wanted.readSeq = 1;
    EXPECT_TEXT(textOf(only(*store, "c", "ann")), textOf(wanted));
}

START_TEST(raisedByTwoAtOnce) {
    constexpr uint64_t kRounds = 30;
    const auto place = makePlace(_i);
    const auto write = [&](uint64_t parity) {
        const auto store = place->store();
        for (uint64_t round = 0; round < kRounds; ++round) {
            const uint64_t seq = 2 * round + parity + 1;
            std::vector<Membership> all;
            for (const char* member : {"ann", "bob", "eve"}) {
                // New in the same moment on both sides, then raised by both.
                for (const uint64_t n : {round, uint64_t{0}}) {
                    all.push_back(membershipOf("c" + std::to_string(n), member, seq,
                                               parity, parity * round, 0));
                }
            }
            if (round == 0) {
                all.resize(1);
            }
            raised(*store, all);
        }
    };
    std::thread other(write, 1);
    write(0);
    other.join();
    const auto store = place->store();
    EXPECT_TEXT(textOf(only(*store, "c0", "ann")),
                textOf(membershipOf("c0", "ann", 2 * kRounds, 1, kRounds - 1, 0)));
    for (uint64_t round = 1; round < kRounds; ++round) {
        const std::string id = "c" + std::to_string(round);
        const auto all = taken(store->memberships({kSite, id}));
        ck_assert_uint_eq(all.size(), 3);
        for (const auto& one : all) {
            EXPECT_TEXT(textOf(one), textOf(membershipOf(id, one.member, 2 * round + 2,
                                                         1, round, 0)));
        }
    }
}

START_TEST(unreadFollows) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    const auto unread = [&] {
        auto found = taken(store->unread(kSite, "ann"));
        std::sort(found.conversations.begin(), found.conversations.end());
        std::string text = std::to_string(found.count);
        for (const auto& [id, count] : found.conversations) {
            text += " " + id + "=" + std::to_string(count);
        }
        return text;
    };
    EXPECT_TEXT(unread(), "0");
    Membership elsewhere = membershipOf("c", "ann", 9, 0, 0, 0);
    elsewhere.site = "other";
    raised(*store,
           {membershipOf("c", "ann", 3, 1, 0, 0), membershipOf("d", "ann", 5, 0, 4, 0),
            membershipOf("e", "ann", 2, 2, 0, 0), membershipOf("f", "bob", 9, 0, 0, 0),
            elsewhere});
    EXPECT_TEXT(unread(), "3 c=2 d=1");
    raised(*store, {membershipOf("c", "ann", 3, 1, 3, 1)});
    EXPECT_TEXT(unread(), "1 d=1");
    raised(*store, {membershipOf("e", "ann", 4, 2, 0, 0),
                    membershipOf("d", "ann", 5, 0, 5, 0)});
    EXPECT_TEXT(unread(), "2 e=2");
    // Numbers that contradict each other never show as a huge count.
    raised(*store, {membershipOf("g", "ann", 1, 1, 9, 0)});
    EXPECT_TEXT(unread(), "2 e=2");
}

START_TEST(unreadOfVeryMany) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    std::vector<Membership> all;
    for (unsigned i = 0; i < limits::kMaxBadge + 5; ++i) {
        all.push_back(membershipOf("c" + std::to_string(i), "ann", 2, 0, 0, 0));
    }
    raised(*store, all);
    const auto found = taken(store->unread(kSite, "ann"));
    ck_assert_uint_eq(found.count, 2 * (limits::kMaxBadge + 5));
    ck_assert_uint_eq(found.conversations.size(), limits::kMaxBadge);
}

START_TEST(listWalk) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    // Times in pairs, so that every second boundary of a page lies between equals.
    std::vector<Membership> all;
    for (uint64_t i = 0; i < 11; ++i) {
        all.push_back(membershipOf(std::string(1, static_cast<char>('a' + i)), "ann", 1,
                                   0, 0, 0));
        all.back().activity = 100 + i / 2;
    }
    all.push_back(membershipOf("x", "bob", 1, 0, 0, 0));
    raised(*store, all);
    const auto page = [&](const ListRange& range) {
        std::string ids;
        for (const auto& one : taken(store->list(kSite, "ann", range))) {
            ids += one.conversation;
        }
        return ids;
    };
    EXPECT_TEXT(page({}), "kjihgfedcba");
    std::string walked;
    ListRange range;
    range.limit = 3;
    for (std::string ids = page(range); !ids.empty(); ids = page(range)) {
        walked += ids;
        const char last = ids.back();
        range.below = ListPlace{100 + static_cast<uint64_t>(last - 'a') / 2, {last}};
    }
    EXPECT_TEXT(walked, "kjihgfedcba");
    EXPECT_TEXT(page({{}, ListPlace{103, "g"}, 50}), "kjih");
    EXPECT_TEXT(page({{}, ListPlace{103, "h"}, 50}), "kji");
    EXPECT_TEXT(page({{}, ListPlace{103, "h"}, 2}), "kj");
    EXPECT_TEXT(page({ListPlace{104, "j"}, ListPlace{102, "e"}, 50}), "ihgf");
    EXPECT_TEXT(page({ListPlace{UINT64_MAX, "z"}, ListPlace{0, ""}, 1}), "k");
    EXPECT_TEXT(page({ListPlace{100, "a"}, {}, 50}), "");

    // What rises while one walks stands above where the walk began.
    const ListPlace began{105, "k"};
    raised(*store, {membershipOf("c", "ann", 50, 0, 0, 0)});
    EXPECT_TEXT(page({{}, began, 50}), "c");
    EXPECT_TEXT(page({ListPlace{101, "d"}, {}, 50}), "ba");
}

START_TEST(exchangeOnlyWhatStillIs) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    const auto other = place->store();
    const Membership wrong = membershipOf("c", "ann", 9, 9, 9, 0);
    const Membership right = membershipOf("c", "ann", 4, 1, 2, 1);
    ck_assert(taken(store->exchange({}, wrong)));
    ck_assert(!taken(store->exchange({}, right)));  // not absent
    EXPECT_TEXT(textOf(only(*other, "c", "ann")), textOf(wrong));
    ck_assert(!taken(store->exchange(right, right)));
    Membership almost = wrong;
    almost.preview.content = "$preview";
    ck_assert(!taken(store->exchange(almost, right)));
    ck_assert(taken(store->exchange(wrong, right)));
    EXPECT_TEXT(textOf(only(*other, "c", "ann")), textOf(right));
    ck_assert(!taken(store->exchange(wrong, right)));
    ck_assert_uint_eq(taken(other->unread(kSite, "ann")).count, 2);
    // What raise() made can be exchanged as it is read, and raised again after it.
    raised(*other, {membershipOf("c", "ann", 6, 1, 2, 1)});
    const Membership read = only(*store, "c", "ann");
    ck_assert(taken(store->exchange(read, right)));
    raised(*other, {membershipOf("c", "ann", 7, 1, 2, 1)});
    EXPECT_TEXT(textOf(only(*store, "c", "ann")),
                textOf(membershipOf("c", "ann", 7, 1, 2, 1)));
    ck_assert(!taken(store->exchange(membershipOf("d", "ann", 1, 0, 0, 0), right)));
}

}  // namespace

Suite* store_membershipSuite() {
    return suiteOverPlaces(
        "store_membership",
        {raiseInAnyOrder, previewRisesWithLastSeq, raisedByTwoAtOnce, unreadFollows,
         unreadOfVeryMany, listWalk, exchangeOnlyWhatStillIs});
}

}  // namespace messaging::unit
