// Redis on nginx's event loop, one per worker process: a connection for commands and
// one for subscriptions, both non-blocking, both to the same Redis (by run_id), both or
// none up.
//
// hiredis stands in ngx_redis_connection.* alone. Whoever sends a command captures ids,
// never requests: the answer may come after the request is gone, or never (nullptr).
#pragma once

#include "ngx_module/ngx.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace messaging {

// Where Redis is. Addresses are resolved when the configuration is read, never later.
struct RedisConf {
    std::string host;  // an IP address
    int port = 0;
    std::string path;  // of a unix socket; then host and port are unused
    std::string user;
    std::string password;
    unsigned db = 0;
    std::string prefix = "messaging:";
};

// What Redis answered; valid during the callback only.
struct RedisAnswer {
    enum class Kind { Nil, Integer, Text, Error, Array };
    Kind kind = Kind::Nil;
    long long integer = 0;
    std::string_view text;  // Text (bulk or status) and Error
    std::vector<RedisAnswer> items;
};

class Redis {
public:
    // nullptr: the connection went before the answer came; whether the command ran is
    // unknown.
    using Done = std::function<void(const RedisAnswer*)>;

    // Told of what happens. None may destroy the Redis object.
    class Listener {
    public:
        virtual ~Listener() = default;
        // Both connections work and the process's own channel is subscribed.
        virtual void redisUp() = 0;
        // One of them broke or could not be made; both are closed, commands under way
        // got nullptr. A new try follows by itself, after a pause that grows.
        virtual void redisDown() = 0;
        virtual void redisSubscribed(std::string_view channel) = 0;
        virtual void redisMessage(std::string_view channel,
                                  std::string_view payload) = 0;
    };

    Redis(const RedisConf& conf, std::string ownChannel, Listener& listener,
          ngx_log_t* log);
    ~Redis();  // closes everything at once; no callback runs after it

    void connect();  // begins; returns at once
    bool up() const;
    // The first try is under way: whether it is there is not known yet.
    bool coming() const;
    // First 16 hexadecimal digits of Redis's run_id. Only while up.
    const std::string& run() const;

    // Queues a command. False if it is not up or too many are under way: then surely
    // not sent, and `done` is dropped unused.
    bool command(const std::vector<std::string_view>& arguments, Done done);

    void subscribe(std::string_view channel);    // no-op if it is not up
    void unsubscribe(std::string_view channel);  // likewise

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace messaging
