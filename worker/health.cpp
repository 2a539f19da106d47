// One pause for all: doubling from a tenth of a second to two, as long as it fails.
#include "worker/health.hpp"

#include <algorithm>
#include <thread>

#include "worker/store.hpp"

namespace messaging::worker {

namespace {

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{2000};
constexpr std::chrono::milliseconds kStopCheck{20};

}  // namespace

void Health::lost(const std::string& why) {
    std::lock_guard lock(mutex_);
    if (without_++ == 0) {
        log_.warn("{} is not available: {}", name_, why);
    }
}

void Health::found() {
    std::lock_guard lock(mutex_);
    if (--without_ == 0) {
        log_.info("{} is available again", name_);
    }
}

void Link::fail(const std::string& why) {
    if (!failing_) {
        failing_ = true;
        pause_ = kFirstPause;
        health_.lost(why);
    } else {
        pause_ = std::min(2 * pause_, kLongestPause);
    }
    next_ = Clock::now() + pause_;
}

void Link::recover() {
    if (failing_) {
        failing_ = false;
        next_ = {};
        health_.found();
    }
}

bool usable(Store& store, Link& link, bool* opened) {
    if (*opened && link.ok()) {
        return true;
    }
    if (!link.due()) {
        return false;
    }
    const Status status = *opened ? store.ping() : store.open();
    if (!status.ok()) {
        link.fail(status.detail());
        return false;
    }
    *opened = true;
    link.recover();
    return true;
}

void Context::pause(std::chrono::milliseconds time) const {
    const auto end = Clock::now() + time;
    while (!stop && Clock::now() < end) {
        std::this_thread::sleep_for(
            std::min<Clock::duration>(kStopCheck, end - Clock::now()));
    }
}

}  // namespace messaging::worker
