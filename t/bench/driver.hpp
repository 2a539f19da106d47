// Puts requests on connections: as fast as answers come, or on a fixed schedule.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "t/bench/client.hpp"

namespace messaging::bench {

// What is asked for, and who learns of the answers.
class Work {
public:
    // The next request, valid until the following call, and a number for it. `client`
    // is the connection that it will be sent on, -1 on a schedule: any. `due` is when
    // it is sent, or was to be sent by the schedule.
    virtual std::string_view next(int client, int64_t due, uint64_t* id) = 0;
    virtual void answered(uint64_t id, int status, std::string_view body,
                          int64_t at) = 0;

protected:
    ~Work() = default;
};

class Driver {
public:
    Driver(Loop& loop, int port, int clients);

    // Each connection sends its next request when its answer is there, as long as
    // `more` says so. Returns when all are answered.
    void closed(Work& work, const std::function<bool()>& more);

    // `rate` requests a second from now until `until`, whatever becomes of them. One
    // that finds no idle connection waits for it: that wait counts for its latency,
    // which is taken from `due`.
    void scheduled(Work& work, double rate, int64_t until);

    Loop& loop() { return loop_; }
    int port() const { return port_; }

private:
    void drive(size_t client);
    void tick();
    void dispatch();
    void wait();

    Loop& loop_;
    int port_;
    std::vector<std::unique_ptr<Client>> clients_;
    Work* work_ = nullptr;
    std::function<bool()> more_;
    size_t busy_ = 0;

    // On a schedule:
    double interval_ = 0;
    int64_t start_ = 0;
    int64_t until_ = 0;
    uint64_t ticks_ = 0;
    std::deque<int64_t> due_;
    std::vector<size_t> idle_;
};

}  // namespace messaging::bench
