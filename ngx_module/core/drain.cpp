// The end of all streams is spread evenly: each reconnect costs its new process the
// same.
#include "ngx_module/core/drain.hpp"

namespace messaging::core {

void Drain::begin(uint64_t now, size_t streams, uint64_t limit) {
    if (begun_) {
        return;
    }
    begun_ = true;
    start_ = now;
    streams_ = streams;
    limit_ = limit - limit / 10;
    window_ = std::min<uint64_t>(limit - limit / 5, streams * kEach);
}

size_t Drain::allowed(uint64_t now) const {
    if (!begun_) {
        return SIZE_MAX;
    }
    const uint64_t passed = now > start_ ? now - start_ : 0;
    if (passed >= window_) {
        return 0;
    }
    const size_t gone = 1 + streams_ * passed / window_;
    return gone < streams_ ? streams_ - gone : 0;
}

}  // namespace messaging::core
