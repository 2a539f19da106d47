// When things happen that must not happen to all streams at once: retries, heartbeats,
// ends of life, and the end of everybody when the process has to go. Pure: the caller
// brings the time and the randomness.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace messaging::core {

// A value of [low, high], uniformly: `random` is 32 random bits.
inline uint64_t between(uint64_t low, uint64_t high, uint32_t random) {
    return low + ((high - low + 1) * random >> 32);
}

// What `retry:` says: the base and up to as much again.
inline uint64_t retryTime(uint64_t base, uint32_t random) {
    return between(base, 2 * base, random);
}

// How long a stream may live: nine tenths of the limit to all of it.
inline uint64_t lifetime(uint64_t limit, uint32_t random) {
    return between(limit - limit / 10, limit, random);
}

// When an idle stream is heard from: eight tenths of the time to all of it.
inline uint64_t heartbeatTime(uint64_t limit, uint32_t random) {
    return between(limit - limit / 5, limit, random);
}

// The end of all streams of a process that must be gone within `limit` milliseconds.
// The first goes at once, the last when a fifth of the limit is left: what is under way
// then needs time to get out. Few go faster: nobody gains by waiting.
class Drain {
public:
    static constexpr uint64_t kEach = 20;  // milliseconds from one to the next, at most

    bool begun() const { return begun_; }
    void begin(uint64_t now, size_t streams, uint64_t limit);
    // How many may still be there. Those that leave by themselves are not counted
    // twice.
    size_t allowed(uint64_t now) const;
    // Whoever is still there now ends without ceremony.
    bool over(uint64_t now) const { return begun_ && now >= start_ + limit_; }

private:
    bool begun_ = false;
    uint64_t start_ = 0;
    uint64_t limit_ = 0;
    uint64_t window_ = 0;
    size_t streams_ = 0;
};

}  // namespace messaging::core
