// Sign-ins that a site takes back (schema/revocation.hpp): stored first, then told to
// nginx through Redis, and kept there as the store has them, whatever Redis loses.
// An instance belongs to one thread.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "schema/keys.hpp"
#include "schema/revocation.hpp"
#include "worker/bus_session.hpp"
#include "worker/health.hpp"
#include "worker/options.hpp"
#include "worker/store.hpp"

namespace messaging::worker {

// What a site writes to the list that workers empty:
// {"site":…,"user":…[,"session":…][,"for":SECONDS][,"at":UNIX SECONDS]}.
// InvalidJson, or the field at fault.
Result<Revocation> parseRevocation(std::string_view text, uint64_t now);

class Revoker {
public:
    // `store` outlives it.
    Revoker(const RedisOptions& redis, Keys keys, Store& store);

    // Stores it and tells of it. InvalidField where there are too many.
    Status revoke(const Revocation& revocation, uint64_t now);
    // What there is to do, which mostly is nothing.
    struct Work {
        bool restore = false;            // the list in Redis is not complete
        std::vector<std::string> asked;  // what sites wrote
    };
    Result<Work> look();
    // Does it. What is wrong in what sites wrote is logged. StoreUnavailable and
    // Internal are the store's failures, any other is Redis's.
    Status perform(const Work& work, uint64_t now);

    Status connect() { return session_.connect(); }
    bool connected() const { return session_.connected(); }
    void close() { session_.close(); }

private:
    Status store(const Revocation& revocation, uint64_t now);
    Status tell(const std::vector<Revocation>& revocations, std::string_view what,
                uint64_t now);
    Status restore(uint64_t now);
    Status take(const std::string& text, uint64_t now);
    std::string list() const { return keys_.revocations(session_.run()); }

    Session session_;
    Keys keys_;
    Store& store_;
};

// The thread of a worker that does so until the context's stop.
class RevokerThread {
public:
    RevokerThread(const Context& context, const RedisOptions& redis, const Keys& keys,
                  std::unique_ptr<Store> store);
    ~RevokerThread();  // waits for it

private:
    std::thread thread_;
};

// `messaging-worker revoke`. The exit status: 0 done, 1 not, or not told to Redis.
int revokeNow(const Options& options);

}  // namespace messaging::worker
