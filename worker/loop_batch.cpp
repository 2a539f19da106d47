// What the write loop does with commands: batches of new ones, pending ones one by one,
// refusals while the store is down.
#include "worker/crash.hpp"
#include "worker/loop.hpp"

#include <algorithm>
#include <iterator>

namespace messaging::worker {

namespace {

using std::chrono::milliseconds;

// A batch is one commit: large enough to be worth it, small enough that nobody waits
// long.
constexpr size_t kBatchEntries = 256;
constexpr size_t kBatchBytes = 4 * 1024 * 1024;

// What is pending takes turns with what is new in other shards.
constexpr milliseconds kDrainTime{200};
// Between two runs of one entry: what was wrong may pass.
constexpr milliseconds kRetryAfter{200};

}  // namespace

Status WriteLoop::runAll(Batch entries) {
    auto next = entries.begin();
    // After a stop one batch is finished; the rest stays pending, and is the next
    // owner's.
    for (bool first = true; next != entries.end() && (first || !context_.stop);
         first = false) {
        Batch batch;
        for (size_t bytes = 0; next != entries.end() && batch.size() < kBatchEntries &&
                               bytes < kBatchBytes;
             ++next) {
            bytes += next->command.body.size();
            batch.push_back(std::move(*next));
        }
        Status status = beat();
        if (status.ok()) {
            status = runBatch(std::move(batch), next == entries.end());
        }
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

// After the `last` one of those at hand the next are asked for, before anything is
// said: Redis gives them while this worker words events, and the worker runs them while
// Redis publishes.
Status WriteLoop::runBatch(Batch batch, bool last) {
    if (!storeLink_.ok() || !opened_) {
        return refuse(batch);
    }
    // What stays pending is another owner's, or waits for what is pending before it.
    batch.erase(std::remove_if(batch.begin(), batch.end(),
                               [this](const Delivered& entry) {
                                   const Shard& shard = shards_[entry.shard];
                                   return !shard.mine || shard.draining;
                               }),
                batch.end());
    if (batch.empty()) {
        return {};
    }
    Effects effects;
    Status status = writer_.run(batch, effects);
    if (status.ok()) {
        const std::vector<unsigned> shards = open();
        if (last && !context_.stop && !shards.empty()) {
            status = bus_.ask(shards, milliseconds(0));
        }
        Status said = bus_.say(std::move(effects), batch);
        return said.ok() ? status : said;
    }
    const bool alive = storeAnswers(status);
    if (status.code() == Code::StoreUnavailable) {
        return refuse(batch, std::move(effects));
    }
    if (alive) {
        context_.log.warn("a batch of {} failed and is run one by one: {}",
                          batch.size(), status.detail());
    }
    for (const Delivered& entry : batch) {
        shards_[entry.shard].draining = true;
    }
    return bus_.say(std::move(effects), {});
}

// Nothing of `batch` was attempted, or surely nothing stored. `effects`: what else is
// to be said.
Status WriteLoop::refuse(const Batch& batch, Effects effects) {
    for (const Delivered& entry : batch) {
        if (entry.expired || entry.command.reply.empty()) {
            continue;
        }
        Reply reply;
        reply.id = entry.command.id;
        reply.code = entry.status.ok() ? Code::StoreUnavailable : entry.status.code();
        reply.field = entry.status.field();
        effects.replies.emplace_back(entry.command.reply, std::move(reply));
    }
    return bus_.say(std::move(effects), batch);
}

Status WriteLoop::sayLosses() {
    if (unsaid_.empty()) {
        return {};
    }
    Effects losses;
    for (const auto& [site, member] : unsaid_) {
        losses.publications.push_back({site, member, {}});
    }
    Status status = bus_.say(std::move(losses), {});
    if (status.ok()) {
        status = bus_.hear();
    }
    if (status.ok()) {
        unsaid_.clear();
    }
    return status;
}

bool WriteLoop::storeAnswers(const Status& why) {
    if (store_.ping().ok()) {
        return true;
    }
    storeLink_.fail(why.detail());
    return false;
}

Status WriteLoop::drain() {
    // What is said and not heard is still pending.
    const bool due = std::any_of(shards_.begin(), shards_.end(), [](const Shard& one) {
        return one.mine && one.draining;
    });
    if (due) {
        if (Status status = bus_.hear(); !status.ok()) {
            return status;
        }
    }
    const auto end = Clock::now() + kDrainTime;
    for (unsigned number : mine()) {
        const Shard& shard = shards_[number];
        if (!storeLink_.ok() || !opened_ || Clock::now() >= end) {
            break;
        }
        if (shard.draining && Clock::now() >= shard.retry) {
            if (Status status = drainShard(number, end); !status.ok()) {
                return status;
            }
        }
    }
    return {};
}

Status WriteLoop::drainShard(unsigned number, Clock::time_point end) {
    Shard& shard = shards_[number];
    while (true) {
        auto found = bus_.pending(number);
        if (!found.ok()) {
            return found.status();
        }
        if (found->empty()) {
            shard.draining = false;
            return {};
        }
        for (const Pending& pending : found.value()) {
            if (Status status = beat(); !status.ok()) {
                return status;
            }
            if (!shard.mine || Clock::now() >= end || context_.stop) {
                return {};
            }
            auto settled = redo(number, pending);
            if (!settled.ok()) {
                return settled.status();
            }
            if (!settled.value()) {
                shard.retry = Clock::now() + kRetryAfter;
                return {};
            }
        }
    }
}

Result<bool> WriteLoop::redo(unsigned number, const Pending& pending) {
    if (pending.deliveries >= limits::kMaxAttempts) {
        auto command = bus_.bury(number, pending, "failed at every attempt");
        if (!command.ok()) {
            return command.status();
        }
        context_.log.error(
            "command {} (entry {} of shard {}) is put aside: {} attempts failed",
            command.value().empty() ? "?" : command.value(), pending.entry, number,
            pending.deliveries);
        return true;
    }
    auto delivered = bus_.claim(number, pending);
    if (!delivered.ok()) {
        return delivered.status();
    }
    if (!delivered.value()) {
        return true;
    }
    crashPoint("after-read");
    const Batch batch{std::move(*delivered.value())};
    Effects effects;
    Status status = writer_.run(batch, effects);
    const bool settled = status.ok();
    const bool alive = settled || storeAnswers(status);
    Status said = bus_.say(std::move(effects), settled ? batch : Batch());
    if (said.ok()) {
        said = bus_.hear();
    }
    if (!said.ok()) {
        return said;
    }
    if (settled) {
        return true;
    }
    if (alive) {
        context_.log.warn("command {} failed: {}", batch[0].command.id,
                          status.detail());
        return false;
    }
    Status uncounted = bus_.uncount(number, pending);
    return uncounted.ok() ? Result<bool>(false) : uncounted;
}

}  // namespace messaging::worker
