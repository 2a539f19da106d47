// Tests for the lease arithmetic: every shard finds an owner, shares are fair, nothing
// moves without need, and a process is called dead only on proof.
#include "worker/shards.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using worker::Holder;
using worker::Holders;
using worker::Owner;
using worker::ShardPlan;

constexpr unsigned kShards = limits::kShards;

Holders all(Holder holder) {
    Holders holders;
    holders.fill(holder);
    return holders;
}

START_TEST(fairShares) {
    ck_assert_uint_eq(worker::fairShare(0, 0), kShards);
    ck_assert_uint_eq(worker::fairShare(1, 0), kShards);
    ck_assert_uint_eq(worker::fairShare(2, 1), kShards / 2);
    ck_assert_uint_eq(worker::fairShare(3, 0), 6);
    ck_assert_uint_eq(worker::fairShare(3, 2), 5);
    ck_assert_uint_eq(worker::fairShare(100, 16), 0);
    for (size_t alive = 1; alive < 40; ++alive) {
        unsigned all = 0;
        for (size_t rank = 0; rank < alive; ++rank) {
            all += worker::fairShare(alive, rank);
        }
        ck_assert_uint_eq(all, kShards);
        ck_assert_uint_le(worker::fairShare(alive, 0),
                          worker::fairShare(alive, alive - 1) + 1);
    }
}

START_TEST(aloneTakesAll) {
    const ShardPlan plan = worker::planShards(all(Holder::Free), kShards, 5);
    ck_assert_uint_eq(plan.take.size(), kShards);
    ck_assert_uint_eq(plan.take.front(), 5);
    ck_assert(plan.give.empty());
    const std::set<unsigned> once(plan.take.begin(), plan.take.end());
    ck_assert_uint_eq(once.size(), kShards);
}

START_TEST(theDeadAreInherited) {
    Holders holders = all(Holder::Other);
    holders[3] = Holder::Dead;
    holders[9] = Holder::Free;
    const ShardPlan plan = worker::planShards(holders, kShards / 2, 0);
    ck_assert(plan.take == (std::vector<unsigned>{3, 9}));
}

START_TEST(theLivingAreNotRobbed) {
    const ShardPlan plan = worker::planShards(all(Holder::Other), kShards, 0);
    ck_assert(plan.take.empty());
    ck_assert(plan.give.empty());
}

START_TEST(surplusIsGiven) {
    const ShardPlan plan = worker::planShards(all(Holder::Mine), kShards / 2, 0);
    ck_assert(plan.take.empty());
    ck_assert_uint_eq(plan.give.size(), kShards / 2);
}

START_TEST(aFairShareIsKept) {
    Holders holders = all(Holder::Other);
    for (unsigned shard = 0; shard < kShards / 2; ++shard) {
        holders[shard] = Holder::Mine;
    }
    const ShardPlan plan = worker::planShards(holders, kShards / 2, 7);
    ck_assert(plan.take.empty());
    ck_assert(plan.give.empty());
}

// Workers that beat in turn, coming and going: soon all is owned, fairly, and at rest.
START_TEST(comesToRest) {
    for (unsigned most = 1; most <= 20; ++most) {
        std::vector<int> owners(kShards, -1);  // -1: free
        for (unsigned alive : {most, 1 + most / 2, most, 1u}) {
            for (int& owner : owners) {
                owner = owner >= static_cast<int>(alive) ? -1 : owner;
            }
            size_t moves = 1;
            for (unsigned round = 0; round < 4 && moves > 0; ++round) {
                moves = 0;
                for (unsigned self = 0; self < alive; ++self) {
                    Holders holders;
                    for (unsigned shard = 0; shard < kShards; ++shard) {
                        holders[shard] = owners[shard] < 0 ? Holder::Free
                                         : owners[shard] == static_cast<int>(self)
                                             ? Holder::Mine
                                             : Holder::Other;
                    }
                    const ShardPlan plan = worker::planShards(
                        holders, worker::fairShare(alive, self), 3 * self);
                    for (unsigned shard : plan.give) {
                        owners[shard] = -1;
                    }
                    for (unsigned shard : plan.take) {
                        owners[shard] = static_cast<int>(self);
                    }
                    moves += plan.give.size() + plan.take.size();
                }
            }
            ck_assert_uint_eq(moves, 0);
            for (unsigned self = 0; self < alive; ++self) {
                const auto count =
                    std::count(owners.begin(), owners.end(), static_cast<int>(self));
                ck_assert_int_eq(count, worker::fairShare(alive, self));
            }
            ck_assert_int_eq(std::count(owners.begin(), owners.end(), -1), 0);
        }
    }
}

START_TEST(ownersRoundTrip) {
    const Owner self = worker::thisOwner();
    const Owner read = worker::parseOwner(self.id());
    EXPECT_TEXT(read.place, self.place);
    EXPECT_TEXT(read.start, self.start);
    ck_assert_int_eq(read.pid, getpid());
    for (const char* bad : {"", ":", "::", "host", "host:1", "host:x:1", ":1:2",
                            "host:0:1", "host:-1:1", "host:99999999999:1"}) {
        EXPECT_FOR(worker::parseOwner(bad).place.empty(), bad);
        EXPECT_FOR(!worker::surelyDead(bad, self), bad);
    }
}

START_TEST(deadOnlyOnProof) {
    const Owner self = worker::thisOwner();
    ck_assert(!worker::surelyDead(self.id(), self));

    Owner reused = self;  // the PID came again
    reused.start += "0";
    ck_assert(worker::surelyDead(reused.id(), self));

    Owner elsewhere = reused;
    elsewhere.place += "x";
    ck_assert(!worker::surelyDead(elsewhere.id(), self));
}

START_TEST(zombiesAreDead) {
    const Owner self = worker::thisOwner();
    int toParent[2];
    ck_assert_int_eq(pipe(toParent), 0);
    const pid_t child = fork();
    if (child == 0) {
        const std::string id = worker::thisOwner().id();
        const bool told = write(toParent[1], id.data(), id.size()) > 0;
        pause();
        _exit(told ? 0 : 1);
    }
    char id[512];
    const ssize_t length = read(toParent[0], id, sizeof id);
    ck_assert_int_gt(length, 0);
    const std::string other(id, static_cast<size_t>(length));
    ck_assert(!worker::surelyDead(other, self));

    kill(child, SIGKILL);
    siginfo_t info;
    waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
    ck_assert(worker::surelyDead(other, self));
    waitpid(child, nullptr, 0);
    ck_assert(worker::surelyDead(other, self));
    ck_assert(worker::fateOf(other, {other}, self) == worker::Fate::Dead);
    close(toParent[0]);
    close(toParent[1]);
}

START_TEST(fates) {
    const Owner self = worker::thisOwner();
    const std::string elsewhere = "elsewhere/0/0:1:2";
    using worker::Fate;
    ck_assert(worker::fateOf(self.id(), {self.id()}, self) == Fate::Lives);
    ck_assert(worker::fateOf(self.id(), {}, self) == Fate::Silent);
    ck_assert(worker::fateOf(elsewhere, {elsewhere}, self) == Fate::Lives);
    ck_assert(worker::fateOf(elsewhere, {self.id()}, self) == Fate::Silent);
    // A note that is nobody's own.
    ck_assert(worker::fateOf(elsewhere + "/1", {elsewhere}, self) != Fate::Lives);
    ck_assert(worker::fateOf(self.id() + "/1", {self.id()}, self) != Fate::Lives);
}

}  // namespace

Suite* shardsSuite() {
    return suiteOf(
        "shards", {fairShares, aloneTakesAll, theDeadAreInherited,
                   theLivingAreNotRobbed, surplusIsGiven, aFairShareIsKept, comesToRest,
                   ownersRoundTrip, deadOnlyOnProof, zombiesAreDead, fates});
}

}  // namespace messaging::unit
