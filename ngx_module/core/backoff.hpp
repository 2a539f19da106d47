// Pauses between tries: they double from 100 ms to 2 s, and each is drawn from the
// upper half of its step, so that nginx processes which lost Redis together do not
// return together. Pure: the caller brings the randomness.
#pragma once

#include <algorithm>
#include <cstdint>

namespace messaging::core {

class Backoff {
public:
    static constexpr unsigned kLeast = 100;
    static constexpr unsigned kMost = 2000;

    // Milliseconds until the next try.
    unsigned next(uint32_t random) {
        step_ = std::min(2 * step_, kMost);
        return step_ / 2 + random % (step_ - step_ / 2 + 1);
    }

    // The tries have come to something: the next pause is a short one again.
    void reset() { step_ = kLeast; }

private:
    unsigned step_ = kLeast;
};

}  // namespace messaging::core
