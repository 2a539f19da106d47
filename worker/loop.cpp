// The frame of the write loop: connections, leases, what is due now and then. What
// happens to commands is in loop_batch.cpp.
#include "worker/loop.hpp"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "worker/crash.hpp"

namespace messaging::worker {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kBeatEvery{500};
constexpr milliseconds kReportEvery{1000};
constexpr seconds kTrimEvery{10};
constexpr seconds kSweepEvery{2};
constexpr seconds kRollEvery{5};
// What is said of people can wait: to store it takes the store's write lock, which is
// wrung from a worker that was stopped while it held it.
constexpr seconds kNamesEvery{4};
constexpr seconds kComplainEvery{10};
constexpr milliseconds kIdle{50};

}  // namespace

WriteLoop::WriteLoop(const Context& context, Bus& bus, Store& store, Writer& writer)
    : context_(context),
      bus_(bus),
      store_(store),
      writer_(writer),
      redisLink_(context.redis),
      storeLink_(context.store) {}

Status WriteLoop::run() {
    while (!context_.stop) {
        if (Status status = openStore(); !status.ok()) {
            return status;
        }
        if (!bus_.connected()) {
            if (!redisLink_.due()) {
                context_.pause(kIdle);
                continue;
            }
            Status status = connect();
            if (!status.ok()) {
                return status;
            }
        }
        if (bus_.connected()) {
            Status status = turn();
            if (status.ok()) {
                redisLink_.recover();
            } else {
                disconnect(status);
            }
            logComplaint();
        }
    }
    goodbye();
    return {};
}

Status WriteLoop::openStore() {
    if (opened_ || !storeLink_.due()) {
        return {};
    }
    Status status = store_.open();
    if (status.ok()) {
        opened_ = true;
        storeLink_.recover();
        return {};
    }
    if (status.code() == Code::UnsupportedVersion ||
        status.code() == Code::InvalidField) {
        return status;
    }
    storeLink_.fail(status.detail());
    return {};
}

Status WriteLoop::connect() {
    Status status = bus_.connect();
    if (status.ok()) {
        connected_ = true;
        nextBeat_ = {};
        status = sayLosses();
    }
    if (status.ok()) {
        return {};
    }
    if (status.code() == Code::InvalidField && !connected_) {
        return status;
    }
    disconnect(status);
    return {};
}

void WriteLoop::disconnect(const Status& why) {
    // The store has what these are about, and perhaps no command will come again that
    // would say it: Redis may have lost them all.
    for (Publication& one : bus_.takeUnheard()) {
        unsaid_.emplace(std::move(one.site), std::move(one.member));
    }
    bus_.close();
    view_.reset();
    for (unsigned shard : mine()) {
        lose(shard);
    }
    redisLink_.fail(why.detail());
}

void WriteLoop::goodbye() {
    // What was asked for is this worker's to run.
    if (bus_.asked()) {
        if (Status served = serve(); !served.ok()) {
            disconnect(served);
        }
    }
    if (Status heard = bus_.hear(); !heard.ok()) {
        disconnect(heard);
    }
    if (unsaid_.empty() && opened_ && storeLink_.ok()) {
        if (Status status = writer_.leave(); !status.ok()) {
            context_.log.warn("a note is left behind: {}", status.detail());
        }
    }
    if (!bus_.connected()) {
        return;
    }
    Status status = bus_.release(mine());
    if (status.ok()) {
        status = bus_.leave();
    }
    if (!status.ok()) {
        context_.log.warn("leases are left to expire: {}", status.detail());
    }
}

Status WriteLoop::turn() {
    Status status = beat();
    if (status.ok() && view_) {
        // Only here, where nothing is in hand, may a shard be given away.
        const LeaseView view = std::move(*view_);
        view_.reset();
        status = share(view);
        if (status.ok()) {
            status = housekeep(view.living.size());
        }
    }
    if (status.ok()) {
        checkStore();
        status = rollForward();
    }
    if (status.ok()) {
        status = nameUsers();
    }
    if (status.ok()) {
        status = drain();
    }
    return status.ok() ? serve() : status;
}

// Also between batches: a worker that is busy keeps its leases, one that hangs loses
// them.
Status WriteLoop::beat() {
    const auto now = Clock::now();
    if (now < nextBeat_) {
        return {};
    }
    nextBeat_ = now + kBeatEvery;
    auto view = bus_.beat(mine());
    if (!view.ok()) {
        return view.status();
    }
    proved_ = now;
    std::string lost;
    for (unsigned shard : mine()) {
        if (view->holders[shard] != Holder::Mine) {
            lost += ' ' + std::to_string(shard);
            lose(shard);
        }
    }
    if (!lost.empty()) {
        context_.log.warn("lost these shards, whose leases had ended:{}", lost);
    }
    for (unsigned shard : view->again) {
        gain(shard);
    }
    living_ = view->living;
    view_ = std::move(view.value());
    return {};
}

Status WriteLoop::share(const LeaseView& view) {
    const auto offset = static_cast<unsigned>(getpid()) % limits::kShards;
    const auto rank =
        std::distance(view.living.begin(), view.living.find(bus_.self().id()));
    const unsigned share = fairShare(view.living.size(), static_cast<size_t>(rank));
    const ShardPlan plan = planShards(view.holders, share, offset);
    if (plan.take.empty() && plan.give.empty()) {
        return {};
    }
    if (Status status = bus_.hear(); !status.ok()) {
        return status;
    }
    for (unsigned shard : plan.give) {
        lose(shard);
    }
    if (Status status = bus_.release(plan.give); !status.ok()) {
        return status;
    }
    auto taken = bus_.take(view, plan.take);
    if (!taken.ok()) {
        return taken.status();
    }
    for (unsigned shard : taken.value()) {
        gain(shard);
    }
    context_.log.info("serves {} of {} shards, {} workers", mine().size(),
                      limits::kShards, view.living.size());
    return {};
}

Status WriteLoop::housekeep(size_t alive) {
    const auto now = Clock::now();
    if (now >= nextReport_) {
        nextReport_ = now + kReportEvery;
        Status status = bus_.report(storeLink_.ok() && opened_ ? "ok" : "down", alive);
        if (!status.ok()) {
            return status;
        }
    }
    if (now >= nextTrim_) {
        nextTrim_ = now + kTrimEvery;
        if (Status status = bus_.trimReads(); !status.ok()) {
            return status;
        }
    }
    if (now < nextSweep_) {
        return {};
    }
    nextSweep_ = now + kSweepEvery;
    auto neglected = bus_.neglected(mine());
    if (!neglected.ok()) {
        return neglected.status();
    }
    for (unsigned shard : neglected.value()) {
        shards_[shard].draining = true;
    }
    return {};
}

void WriteLoop::checkStore() {
    if (!opened_ || storeLink_.ok() || !storeLink_.due()) {
        return;
    }
    Status status = store_.ping();
    if (status.ok()) {
        storeLink_.recover();
    } else {
        storeLink_.fail(status.detail());
    }
}

Status WriteLoop::rollForward() {
    const auto now = Clock::now();
    if (now < nextRoll_ || !storeLink_.ok() || !opened_ || mine().empty()) {
        return {};
    }
    nextRoll_ = now + kRollEvery;
    const auto time = std::chrono::system_clock::now().time_since_epoch();
    const auto unixTime = std::chrono::duration_cast<milliseconds>(time).count();
    const FateOf fate = [this](const std::string& owner) {
        return fateOf(owner, living_, bus_.self());
    };
    // It may write this worker's note anew.
    if (Status heard = bus_.hear(); !heard.ok()) {
        return heard;
    }
    Effects effects;
    Status status = writer_.rollForward(static_cast<uint64_t>(unixTime), fate, effects);
    if (!status.ok() && storeAnswers(status)) {
        context_.log.warn("cannot roll notes forward: {}", status.detail());
    }
    return bus_.say(std::move(effects), {});
}

// What is read is learned from too, and a role that is gone ends streams.
Status WriteLoop::nameUsers() {
    const auto now = Clock::now();
    if (now < nextNames_ || !storeLink_.ok() || !opened_) {
        return {};
    }
    nextNames_ = now + kNamesEvery;
    Effects effects;
    Status status = writer_.nameUsers(effects);
    if (!status.ok() && storeAnswers(status)) {
        context_.log.warn("cannot store names: {}", status.detail());
    }
    return effects.publications.empty() ? Status() : bus_.say(std::move(effects), {});
}

// The shards whose new entries may run now.
std::vector<unsigned> WriteLoop::open() const {
    std::vector<unsigned> numbers;
    for (unsigned shard : mine()) {
        // A store that is down refuses what is new at once, whatever is pending.
        if (!shards_[shard].draining || !storeLink_.ok() || !opened_) {
            numbers.push_back(shard);
        }
    }
    return numbers;
}

Status WriteLoop::serve() {
    const bool patient = !bus_.asked();
    if (patient) {
        const std::vector<unsigned> shards = open();
        if (shards.empty()) {
            context_.pause(kIdle);
            return bus_.hear();
        }
        if (Status status = bus_.ask(shards, patience()); !status.ok()) {
            return status;
        }
    }
    const auto before = Clock::now();
    auto read = bus_.take();
    if (!read.ok()) {
        return read.status();
    }
    Batch& entries = read.value();
    if (bus_.unheard() && entries.size() < std::max<size_t>(lastBatch_ / 2, 1)) {
        if (Status status = gather(entries); !status.ok()) {
            return status;
        }
    }
    if (entries.empty()) {
        lastBatch_ = 0;
        if (patient && Clock::now() - before < kIdle) {
            context_.pause(kIdle /
                           10);  // no group can be made just now, or no patience
        }
        return {};
    }
    lastBatch_ = entries.size();
    crashPoint("after-read");
    if (Clock::now() - proved_ > kLeaseTime) {
        // Stopped for long: these are another's by now, or come again as pending.
        for (unsigned shard : mine()) {
            shards_[shard].draining = true;
        }
        return {};
    }
    return runAll(std::move(entries));
}

// Most senders wait for what the last batch said to them. As long as Redis says it,
// what they send next is worth waiting for: a commit costs the same for one as for
// many.
Status WriteLoop::gather(Batch& entries) {
    const std::vector<unsigned> shards = open();
    Status status = bus_.hear();
    if (status.ok() && !shards.empty()) {
        status = bus_.ask(shards, milliseconds(0));
    }
    if (!status.ok() || shards.empty()) {
        return status;
    }
    auto more = bus_.take();
    if (!more.ok()) {
        return more.status();
    }
    std::move(more->begin(), more->end(), std::back_inserter(entries));
    return {};
}

void WriteLoop::gain(unsigned number) {
    Shard& shard = shards_[number];
    shard.mine = true;
    if (number == 0) {
        context_.first = true;
    }
    shard.draining = true;
    shard.retry = {};
    writer_.forget(number);
    nextRoll_ = {};
}

void WriteLoop::lose(unsigned number) {
    shards_[number].mine = false;
    if (number == 0) {
        context_.first = false;
    }
    writer_.forget(number);
}

std::vector<unsigned> WriteLoop::mine() const {
    std::vector<unsigned> numbers;
    for (unsigned number = 0; number < limits::kShards; ++number) {
        if (shards_[number].mine) {
            numbers.push_back(number);
        }
    }
    return numbers;
}

// How long a read may wait: not past the next beat by much, and hardly at all where
// something pending is to be run.
milliseconds WriteLoop::patience() const {
    constexpr milliseconds kLong{250};
    constexpr milliseconds kShort{20};
    for (const Shard& shard : shards_) {
        if (shard.mine && shard.draining && storeLink_.ok() && opened_) {
            return kShort;
        }
    }
    return storeLink_.ok() ? kLong : 2 * kShort;
}

void WriteLoop::logComplaint() {
    const std::string complaint = bus_.takeComplaint();
    if (!complaint.empty() && Clock::now() >= nextComplaint_) {
        nextComplaint_ = Clock::now() + kComplainEvery;
        context_.log.warn("Redis refuses: {}", complaint);
    }
}

}  // namespace messaging::worker
