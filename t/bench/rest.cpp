// Each route at the same rate, one after the other, over conversations that have a
// past.
#include <cstdio>
#include <random>
#include <string>

#include "t/bench/modes.hpp"
#include "t/bench/report.hpp"
#include "t/bench/target.hpp"

namespace messaging::bench {
namespace {

constexpr unsigned kSeed = 42;

// Messages into every conversation, as fast as they are answered.
class Filling final : public Work {
public:
    Filling(const Messaging& api, int users, int each)
        : api_(api), users_(users), left_(users * each) {}
    bool more() const { return left_ > 0; }

    std::string_view next(int client, int64_t due, uint64_t* id) override {
        left_--;
        *id = number_++;
        request_ =
            api_.send(static_cast<int>(*id % static_cast<uint64_t>(users_)), *id);
        return request_;
    }

    void answered(uint64_t id, int status, std::string_view body, int64_t at) override {
        if (status != 201) {
            die("filling: a message was answered %d: %.*s", status,
                static_cast<int>(body.size()), body.data());
        }
    }

private:
    const Messaging& api_;
    int users_;
    int left_;
    uint64_t number_ = 0;
    std::string request_;
};

class Route final : public Work {
public:
    Route(const Messaging& api, const Options& options, std::string name, int64_t from)
        : api_(api), options_(options), name_(std::move(name)), from_(from) {}

    std::string_view next(int client, int64_t due, uint64_t* id) override {
        *id = static_cast<uint64_t>(due);
        const int user =
            static_cast<int>(turn_ % static_cast<unsigned>(options_.users));
        const unsigned round = turn_++ / static_cast<unsigned>(options_.users);
        request_ = make(user, round);
        return request_;
    }

    void answered(uint64_t id, int status, std::string_view body, int64_t at) override {
        if (status != 200 && status != 201) {
            failed_++;
        }
        if (static_cast<int64_t>(id) >= from_) {
            latencies_.add(at - static_cast<int64_t>(id));
        }
    }

    void write(json::Writer& writer) {
        writer.key(name_).object().member("requests", latencies_.count());
        writer.member("failed", failed_);
        latencies_.write(writer, "answer");
        writer.end();
    }

private:
    std::string make(int user, unsigned round) const {
        const std::string conversation = "/conversations/" + api_.conversation(user);
        if (name_ == "list") {  // of those who have most
            return api_.request("GET", "/conversations",
                                api_.senderToken(api_.senderOf(user)));
        }
        if (name_ == "history") {
            return api_.request("GET", conversation + "/messages",
                                api_.userToken(user));
        }
        if (name_ == "conversation") {
            return api_.request("GET", conversation, api_.userToken(user));
        }
        if (name_ == "read") {  // one further each time
            return api_.request("PATCH", conversation + "/read", api_.userToken(user),
                                "{\"seq\":" + std::to_string(round + 1) + "}");
        }
        if (name_ == "send") {
            const uint64_t number = 1000000000 + turn_;  // a key that was not filled
            return api_.send(user, number);
        }
        return api_.request("GET", "/unread-count", api_.userToken(user));
    }

    const Messaging& api_;
    const Options& options_;
    std::string name_;
    int64_t from_;
    unsigned turn_ = 0;
    uint64_t failed_ = 0;
    Latencies latencies_;
    std::string request_;
};

}  // namespace

void measureRoutes(const Options& options) {
    Loop loop;
    Driver driver(loop, options.port, options.senders);
    Messaging api(options);
    api.prepare(driver);
    Filling filling(api, options.users, options.fill);
    driver.closed(filling, [&] { return filling.more(); });

    std::string line;
    json::Writer writer(line);
    Cpu cpu(options.watch);
    const auto nanoseconds = [](double seconds) {
        return static_cast<int64_t>(seconds * static_cast<double>(kSecond));
    };
    writer.object().member("mode", options.mode).key("routes").object();
    cpu.start();
    for (const char* name :
         {"list", "history", "conversation", "unread-count", "read", "send"}) {
        const int64_t from = now() + nanoseconds(options.warmup);
        Route route(api, options, name, from);
        driver.scheduled(route, options.rate, from + nanoseconds(options.seconds));
        route.write(writer);
    }
    cpu.stop();
    writer.end();
    cpu.write(writer);
    writer.end();
    puts(line.c_str());
}

}  // namespace messaging::bench
