// Level-triggered: a handler that leaves bytes unread is called again.
#include "t/bench/loop.hpp"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

namespace messaging::bench {
namespace {

constexpr int kEvents = 512;

}  // namespace

int64_t now() {
    timespec time = {};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * kSecond + time.tv_nsec;
}

void die(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("bench-load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

Loop::Loop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    if (epoll_ < 0 || timer_ < 0 ||
        epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &event) != 0) {
        die("no epoll or timer: errno %d", errno);
    }
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // the default rounds by 50 µs
}

Loop::~Loop() {
    close(timer_);
    close(epoll_);
}

void Loop::watch(int fd, Handler* handler) {
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLRDHUP;
    event.data.ptr = handler;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
        die("cannot watch a socket: errno %d", errno);
    }
}

void Loop::setAlarm(int64_t at, std::function<void()> call) {
    alarm_ = std::move(call);
    itimerspec time = {};
    at = std::max<int64_t>(at, 1);  // zero would disarm it
    time.it_value.tv_sec = at / kSecond;
    time.it_value.tv_nsec = at % kSecond;
    timerfd_settime(timer_, TFD_TIMER_ABSTIME, &time, nullptr);
}

void Loop::ring() {
    uint64_t count = 0;
    if (read(timer_, &count, sizeof count) == sizeof count && alarm_) {
        // Moved out first: the call may set the next one.
        const auto call = std::exchange(alarm_, nullptr);
        call();
    }
}

bool Loop::run(const std::function<bool()>& done, int64_t until) {
    epoll_event events[kEvents];
    while (!done()) {
        const int64_t left = until - now();
        if (left <= 0) {
            return false;
        }
        const int timeout =
            static_cast<int>(std::min<int64_t>(left / 1000000 + 1, 1000));
        const int count = epoll_wait(epoll_, events, kEvents, timeout);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == nullptr) {
                ring();
            } else {
                static_cast<Handler*>(events[i].data.ptr)->ready();
            }
        }
    }
    return true;
}

}  // namespace messaging::bench
