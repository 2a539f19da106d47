// A connection to a Redis that has been looked at: it is new enough, evicts nothing,
// its run_id is known and the scripts are loaded. An instance belongs to one thread.
#pragma once

#include <string>
#include <vector>

#include "worker/redis.hpp"

namespace messaging::worker {

class Session {
public:
    // `scripts` outlive the session.
    Session(RedisOptions options, std::vector<const char*> scripts);

    // RedisUnavailable where trying again may help; InvalidField where this Redis must
    // not be used as it is.
    Status connect();
    void close() { redis_.close(); }
    bool connected() const { return redis_.connected(); }

    Redis& redis() { return redis_; }
    const std::string& run() const { return run_; }

    // Appends EVALSHA of the script with this number.
    void script(size_t number, const std::vector<std::string_view>& keys,
                const std::vector<std::string_view>& arguments);

    // A failure where `answer` is an error. The connection is then closed: what is
    // wrong is either cured by a new one (scripts, role, password) or must not be
    // retried in haste.
    Status expect(const Node& answer);
    // The same, but lets errors pass that say no more than "not now" (no memory).
    Status tolerate(const Node& answer);

    // What Redis last refused, for the log; empty after that.
    std::string takeComplaint();
    void complain(const Node& answer) { complaint_ = std::string(answer.text()); }

private:
    Status inspect();
    Status loadScripts();

    Redis redis_;
    std::vector<const char*> scripts_;
    std::vector<std::string> hashes_;
    std::string run_;
    std::string complaint_;
};

}  // namespace messaging::worker
