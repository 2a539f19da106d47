// Profiles as modules keep them in Redis, by hash. Those that were used lately stay at
// hand; what Redis gives is believed only if it has the hash that it was asked by. An
// instance belongs to one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "schema/keys.hpp"
#include "schema/profile.hpp"
#include "worker/handler.hpp"
#include "worker/redis.hpp"
#include "worker/writer_cache.hpp"

namespace messaging::worker {

class Profiles {
public:
    // Gives each entry the profile that its command names; none where Redis lacks it. A
    // failure is of the connection.
    Status fill(Redis& redis, const Keys& keys, Delivered* entries, size_t count);

private:
    using Shared = std::shared_ptr<const Profile>;

    // Sites that one worker serves have one each, and another while it is changed.
    static constexpr size_t kMost = 64;

    Lru<std::string, Shared> known_{kMost};
};

}  // namespace messaging::worker
