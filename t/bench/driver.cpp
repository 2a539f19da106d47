// The schedule is fixed by its start: a late turn of the loop makes up for what is due
// and never shifts what follows, so that a stall is seen in full.
#include "t/bench/driver.hpp"

namespace messaging::bench {
namespace {

constexpr int64_t kPatience = 60 * kSecond;  // for the last answers

}  // namespace

Driver::Driver(Loop& loop, int port, int clients) : loop_(loop), port_(port) {
    for (int i = 0; i < clients; i++) {
        clients_.push_back(std::make_unique<Client>(loop, port));
    }
}

void Driver::wait() {
    if (!loop_.run([this] { return busy_ == 0; }, now() + kPatience)) {
        die("%zu requests were not answered in a minute", busy_);
    }
}

void Driver::closed(Work& work, const std::function<bool()>& more) {
    work_ = &work;
    more_ = more;
    for (size_t i = 0; i < clients_.size(); i++) {
        drive(i);
    }
    // Answers end this, not time: `more` knows when.
    while (!loop_.run([this] { return busy_ == 0 || !more_(); }, now() + kPatience)) {
    }
    wait();
}

void Driver::drive(size_t client) {
    if (!more_()) {
        return;
    }
    uint64_t id = 0;
    const std::string_view bytes = work_->next(static_cast<int>(client), now(), &id);
    busy_++;
    clients_[client]->request(bytes,
                              [this, client, id](int status, std::string_view body) {
                                  busy_--;
                                  work_->answered(id, status, body, now());
                                  drive(client);
                              });
}

void Driver::scheduled(Work& work, double rate, int64_t until) {
    work_ = &work;
    interval_ = static_cast<double>(kSecond) / rate;
    start_ = now();
    until_ = until;
    ticks_ = 0;
    idle_.clear();
    for (size_t i = clients_.size(); i-- > 0;) {
        idle_.push_back(i);
    }
    tick();
    loop_.run([] { return false; }, until);
    if (!loop_.run([this] { return due_.empty(); }, now() + kPatience)) {
        die("%zu requests were never sent: the rate is too high", due_.size());
    }
    wait();
}

void Driver::tick() {
    const int64_t time = now();
    int64_t next = 0;
    while (true) {
        next = start_ + static_cast<int64_t>(interval_ * static_cast<double>(ticks_));
        if (next > time || next >= until_) {
            break;
        }
        due_.push_back(next);
        ticks_++;
    }
    dispatch();
    if (next < until_) {
        loop_.setAlarm(next, [this] { tick(); });
    }
}

void Driver::dispatch() {
    while (!due_.empty() && !idle_.empty()) {
        const size_t client = idle_.back();
        idle_.pop_back();
        uint64_t id = 0;
        const std::string_view bytes = work_->next(-1, due_.front(), &id);
        due_.pop_front();
        busy_++;
        clients_[client]->request(
            bytes, [this, client, id](int status, std::string_view body) {
                busy_--;
                work_->answered(id, status, body, now());
                idle_.push_back(client);
                dispatch();
            });
    }
}

}  // namespace messaging::bench
