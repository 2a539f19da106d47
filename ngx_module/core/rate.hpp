// How often one user may do something, counted in Redis for all of nginx's processes;
// and what one process remembers of it, so that few requests wait to hear it. Pure.
//
// A rate is a bucket (GCRA): `count` at once, refilled one by one over its period. Its
// state is one time: when the bucket will be full again. Who has used less than half of
// the bucket, as far as this process knows, is let through while Redis is told; nearer
// to the limit Redis is asked first; past it nobody is asked. So the rate holds over
// time whatever processes there are, as each use is counted, and a burst may be longer
// by what they let through before they heard of each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace messaging::core {

struct Rate {
    uint64_t interval = 0;  // microseconds in which one is refilled; 0: no limit
    uint64_t burst = 0;     // microseconds in which all are

    bool limited() const { return interval != 0; }
};

// "60/m": COUNT/UNIT of s, m, h or d; "off". Nothing where it is neither.
std::optional<Rate> parseRate(std::string_view text);

// Microseconds until one more is allowed where it takes `debt` until the bucket is
// full; 0: now.
uint64_t rateWait(const Rate& rate, uint64_t debt);

// What a request takes one of.
struct Charge {
    std::string key;  // in Redis
    Rate rate;
};

class RateMemory {
public:
    enum class Verdict { Pass, Ask, Refuse };

    explicit RateMemory(size_t capacity) : capacity_(capacity) {}

    // Times are microseconds of a clock that does not go back. A Pass is counted here,
    // for Redis to be told; `wait` is for a Refuse.
    Verdict judge(const std::vector<Charge>& charges, uint64_t now, uint64_t* wait);

    // What Redis says: this long until the bucket is full.
    void learn(const Charge& charge, uint64_t debt, uint64_t now);

    // One was taken for nothing.
    void refund(const Charge& charge, uint64_t now);

    void clear();
    size_t size() const { return entries_.size(); }

private:
    struct Entry {
        std::string key;
        uint64_t full;  // when the bucket is
    };

    uint64_t debt(const std::string& key, uint64_t now) const;
    void set(const std::string& key, uint64_t full);

    size_t capacity_;
    std::list<Entry> entries_;  // most recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;
};

}  // namespace messaging::core
