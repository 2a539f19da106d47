// The write loop: one thread that owns shards, runs what waits in them as batches and
// says what came of it. Correctness is the store's and the writer's; what the loop adds
// is that nothing is acknowledged before it is settled and said, that what may have run
// comes again alone, and that nobody waits for a worker that is gone.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "worker/bus.hpp"
#include "worker/handler.hpp"
#include "worker/health.hpp"

namespace messaging::worker {

class WriteLoop {
public:
    WriteLoop(const Context& context, Bus& bus, Store& store, Writer& writer);

    // Until the context's stop. A failure: this Redis or this store must not be used.
    Status run();

private:
    struct Shard {
        bool mine = false;
        // Something may be pending that must run, alone, before what is new.
        bool draining = false;
        Clock::time_point retry{};  // not before this
    };
    using Batch = std::vector<Delivered>;

    Status openStore();
    Status connect();
    void disconnect(const Status& why);
    void goodbye();

    // Each is one part of a turn; a failure is of Redis's connection.
    Status turn();
    Status beat();
    Status share(const LeaseView& view);
    Status housekeep(size_t alive);
    void checkStore();
    Status rollForward();
    Status nameUsers();
    Status drain();
    Status drainShard(unsigned number, Clock::time_point end);
    std::vector<unsigned> open() const;
    Status serve();
    Status gather(Batch& entries);

    Status runAll(Batch entries);
    Status runBatch(Batch batch, bool last);
    Status refuse(const Batch& batch, Effects effects = {});
    // Runs one pending entry; false: not now.
    Result<bool> redo(unsigned number, const Pending& pending);
    Status sayLosses();
    // After a failure of the store: whether it is there all the same.
    bool storeAnswers(const Status& why);

    void gain(unsigned number);
    void lose(unsigned number);
    std::vector<unsigned> mine() const;
    std::chrono::milliseconds patience() const;
    void logComplaint();

    const Context& context_;
    Bus& bus_;
    Store& store_;
    Writer& writer_;
    Link redisLink_;
    Link storeLink_;
    bool opened_ = false;     // the store
    bool connected_ = false;  // once, to Redis
    std::array<Shard, limits::kShards> shards_{};
    std::optional<LeaseView> view_;  // of a beat, not yet acted on
    std::set<std::string> living_;   // as of the last beat
    // Site and member of inboxes in which something may have been missed. No more than
    // one publication names: nothing else is run before they are told.
    std::set<std::pair<std::string, std::string>> unsaid_;
    size_t lastBatch_ = 0;        // its entries
    Clock::time_point proved_{};  // when the leases were surely ours
    Clock::time_point nextBeat_{};
    Clock::time_point nextReport_{};
    Clock::time_point nextTrim_{};
    Clock::time_point nextSweep_{};
    Clock::time_point nextNames_ = Clock::now() + std::chrono::seconds(4);
    Clock::time_point nextRoll_{};
    Clock::time_point nextComplaint_{};
};

}  // namespace messaging::worker
