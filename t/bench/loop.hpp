// One thread's events: sockets by epoll, and one alarm with the precision that a fixed
// schedule of requests needs. Whatever is watched outlives the loop's last turn.
#pragma once

#include <cstdint>
#include <functional>

namespace messaging::bench {

// Monotonic, in nanoseconds.
int64_t now();

constexpr int64_t kSecond = 1000000000;

// A problem that makes every figure worthless: said on stderr, and the program ends.
[[noreturn]] void die(const char* format, ...) __attribute__((format(printf, 1, 2)));

class Loop {
public:
    class Handler {
    public:
        virtual void ready() = 0;

    protected:
        ~Handler() = default;
    };

    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Until the descriptor is closed.
    void watch(int fd, Handler* handler);

    // Called at this time, once; a later call replaces it.
    void setAlarm(int64_t at, std::function<void()> call);

    // Turns until the condition holds or the time is there; whether it holds.
    bool run(const std::function<bool()>& done, int64_t until);

private:
    void ring();

    int epoll_;
    int timer_;
    std::function<void()> alarm_;
};

}  // namespace messaging::bench
