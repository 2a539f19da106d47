// The same requests to any path, so that a path without work behind it is a fair
// measure: many users' tokens, made beforehand, in turn.
#include <cstdio>
#include <string>
#include <vector>

#include "t/bench/modes.hpp"
#include "t/bench/report.hpp"
#include "t/bench/target.hpp"

namespace messaging::bench {
namespace {

class Polls final : public Work {
public:
    explicit Polls(const Options& options) : options_(options) {
        const Messaging api(options);
        const std::string path =
            options.path.empty() ? options.prefix + "/unread-count" : options.path;
        for (int user = 0; user < options.users; user++) {
            requests_.push_back("GET " + path +
                                " HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
                                "Bearer " +
                                api.userToken(user) + "\r\n\r\n");
        }
    }

    std::string_view next(int client, int64_t due, uint64_t* id) override {
        *id = static_cast<uint64_t>(due);
        return requests_[turn_++ % requests_.size()];
    }

    void answered(uint64_t id, int status, std::string_view body, int64_t at) override {
        if (status != 200) {
            failed_++;
        }
        if (at >= from_ && at < until_) {
            latencies_.add(at - static_cast<int64_t>(id));
        }
    }

    void run() {
        Loop loop;
        Driver driver(loop, options_.port, options_.clients);
        Cpu cpu(options_.watch);
        const auto nanoseconds = [](double seconds) {
            return static_cast<int64_t>(seconds * static_cast<double>(kSecond));
        };
        from_ = now() + nanoseconds(options_.warmup);
        until_ = from_ + nanoseconds(options_.seconds);
        driver.closed(*this, [this] { return now() < from_; });
        cpu.start();
        driver.closed(*this, [this] { return now() < until_; });
        cpu.stop();
        print(cpu);
    }

private:
    void print(const Cpu& cpu) {
        std::string line;
        json::Writer writer(line);
        writer.object().member("mode", options_.mode).member("failed", failed_);
        real(writer, "rate",
             static_cast<double>(latencies_.count()) / options_.seconds);
        latencies_.write(writer, "answer");
        cpu.write(writer);
        writer.end();
        puts(line.c_str());
    }

    const Options& options_;
    std::vector<std::string> requests_;
    size_t turn_ = 0;
    uint64_t failed_ = 0;
    int64_t from_ = 0;
    int64_t until_ = 0;
    Latencies latencies_;
};

}  // namespace

void measurePolls(const Options& options) {
    Polls(options).run();
}

}  // namespace messaging::bench
