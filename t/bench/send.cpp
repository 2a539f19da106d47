// Every user has a stream open; senders write to them. First once to each, so that
// whatever is made at a first message is there; then to any of them at random.
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "t/bench/ledger.hpp"
#include "t/bench/modes.hpp"
#include "t/bench/stream.hpp"

namespace messaging::bench {
namespace {

constexpr size_t kOpening = 64;  // streams at once: servers' backlogs are short
constexpr int64_t kOpenPatience = 60 * kSecond;
constexpr int64_t kDrainPatience = 10 * kSecond;
constexpr unsigned kSeed = 42;

int64_t nanoseconds(double seconds) {
    return static_cast<int64_t>(seconds * static_cast<double>(kSecond));
}

class Sends final : public Work, public Stream::Listener {
public:
    explicit Sends(const Options& options)
        : options_(options),
          target_(makeTarget(options)),
          driver_(loop_, options.port, options.senders),
          ledger_(options.users, options.rate == 0),
          opened_(static_cast<size_t>(options.users)),
          cpu_(options.watch),
          random_(kSeed) {}

    void run() {
        target_->prepare(driver_);
        openStreams();
        greetAll();
        measure();
        print();
    }

    std::string_view next(int client, int64_t due, uint64_t* id) override {
        const int user = greeting_ ? greeted_++ : pick(client);
        *id = ledger_.begin(user, due);
        request_ = target_->send(user, *id);
        return request_;
    }

    void answered(uint64_t id, int status, std::string_view body, int64_t at) override {
        const bool stored = status >= 200 && status < 300;
        if (!stored && !complained_) {
            complained_ = true;
            fprintf(stderr, "bench-load: a message was answered %d: %.*s\n", status,
                    static_cast<int>(body.size()), body.data());
        }
        ledger_.answered(id, stored, at);
    }

    void frame(int user, std::string_view frame, int64_t at) override {
        Received received;
        if (target_->message(frame, &received)) {
            ledger_.delivered(user, received, at);
        } else if (!opened_[static_cast<size_t>(user)] && target_->opens(frame)) {
            opened_[static_cast<size_t>(user)] = true;
            open_++;
        }
    }

    void ended(int user, std::string_view why) override {
        if (ended_++ == 0) {
            fprintf(stderr, "bench-load: a stream ended: %.*s\n",
                    static_cast<int>(why.size()), why.data());
        }
    }

private:
    // A connection is one sender; on a schedule any connection serves any sender.
    int pick(int client) {
        if (client < 0 || client >= options_.users) {
            return static_cast<int>(random_() % static_cast<unsigned>(options_.users));
        }
        const int own = (options_.users - client - 1) / options_.senders + 1;
        return client + options_.senders *
                            static_cast<int>(random_() % static_cast<unsigned>(own));
    }

    void openStreams() {
        const int64_t until = now() + kOpenPatience;
        for (int user = 0; user < options_.users; user++) {
            streams_.push_back(std::make_unique<Stream>(loop_, options_.port, user,
                                                        target_->stream(user), this));
            waitOpen(streams_.size() < kOpening ? 0 : streams_.size() - kOpening,
                     until);
        }
        waitOpen(streams_.size(), until);
    }

    void waitOpen(size_t count, int64_t until) {
        if (!loop_.run([&] { return open_ >= count || ended_ != 0; }, until) ||
            ended_ != 0) {
            die("%zu of %d streams open, %zu ended", open_, options_.users, ended_);
        }
    }

    void greetAll() {
        greeting_ = true;
        driver_.closed(*this, [this] { return greeted_ < options_.users; });
        drain();
        if (ledger_.missing() != 0) {
            die("%zu first messages did not arrive", ledger_.missing());
        }
        greeting_ = false;
    }

    void measure() {
        const int64_t start = now();
        from_ = start + nanoseconds(options_.warmup);
        until_ = from_ + nanoseconds(options_.seconds);
        // The CPU's share is that of the whole load, warming up too.
        cpu_.start();
        if (options_.rate > 0) {
            driver_.scheduled(*this, options_.rate, until_);
        } else {
            driver_.closed(*this, [this] { return now() < until_; });
        }
        cpu_.stop();
        drain();
    }

    void drain() {
        loop_.run([this] { return ledger_.missing() == 0; }, now() + kDrainPatience);
    }

    void print() {
        std::string line;
        json::Writer writer(line);
        writer.object()
            .member("mode", options_.mode)
            .member("target", options_.target)
            .member("users", static_cast<uint64_t>(options_.users))
            .member("senders", static_cast<uint64_t>(options_.senders));
        real(writer, "seconds", options_.seconds);
        real(writer, "offered", options_.rate);
        ledger_.write(writer, from_, until_);
        writer.member("ended_streams", ended_);
        cpu_.write(writer);
        writer.end();
        puts(line.c_str());
    }

    const Options& options_;
    Loop loop_;
    std::unique_ptr<Target> target_;
    Driver driver_;
    Ledger ledger_;
    std::vector<std::unique_ptr<Stream>> streams_;
    std::vector<bool> opened_;
    size_t open_ = 0;
    size_t ended_ = 0;
    bool greeting_ = false;
    bool complained_ = false;
    int greeted_ = 0;
    int64_t from_ = 0;
    int64_t until_ = 0;
    Cpu cpu_;
    std::mt19937 random_;
    std::string request_;
};

}  // namespace

void measureSends(const Options& options) {
    Sends(options).run();
}

}  // namespace messaging::bench
