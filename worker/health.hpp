// Redis or a store as the worker's threads find it: each retries on its own with
// growing pauses, and the log gets one line when the first loses it and one when the
// last has it back.
#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

namespace messaging::worker {

using Clock = std::chrono::steady_clock;

class Health {
public:
    Health(spdlog::logger& log, std::string name) : log_(log), name_(std::move(name)) {}

    void lost(const std::string& why);
    void found();

private:
    spdlog::logger& log_;
    const std::string name_;
    std::mutex mutex_;
    unsigned without_ = 0;  // links that do not have it
};

// One thread's part in it.
class Link {
public:
    explicit Link(Health& health) : health_(health) {}

    bool ok() const { return !failing_; }
    // Whether it is time to try again.
    bool due() const { return Clock::now() >= next_; }
    void fail(const std::string& why);
    void recover();

private:
    Health& health_;
    bool failing_ = false;
    Clock::time_point next_{};
    std::chrono::milliseconds pause_{0};
};

class Store;

// Opens a thread's own store, or looks whether one that failed is back, where it is
// time to; whether it can be used now.
bool usable(Store& store, Link& link, bool* opened);

// What all loops share. It outlives them.
struct Context {
    const std::atomic<bool>& stop;
    spdlog::logger& log;
    Health& redis;
    Health& store;
    // Whether this worker owns the first shard: of all workers, one does.
    std::atomic<bool>& first;

    // Sleeps, but not past a stop.
    void pause(std::chrono::milliseconds time) const;
};

}  // namespace messaging::worker
