// One connection to Redis on nginx's event loop: commands in, answers out, in order.
//
// Uses hiredis for connecting, for writing the protocol and for reading it, but not
// hiredis's asynchronous layer: that frees its context under its caller's feet, asserts
// on what a server sends, and knows no bound. So here nothing is freed while it is in
// use: the owner may close a connection from inside any callback, and destroys it from
// none.
#pragma once

#include "ngx_module/ngx.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ngx_module/ngx_redis.hpp"

struct redisContext;

namespace messaging {

class RedisConnection {
public:
    class Owner {
    public:
        virtual ~Owner() = default;
        virtual void connected(RedisConnection& connection) = 0;
        // The answer is valid during the call only.
        virtual void answered(RedisConnection& connection,
                              const RedisAnswer& answer) = 0;
        // It is of no use any more; the owner closes it.
        virtual void broken(RedisConnection& connection, std::string_view reason) = 0;
    };

    RedisConnection(Owner& owner, ngx_log_t* log);
    ~RedisConnection() { close(); }
    RedisConnection(const RedisConnection&) = delete;
    RedisConnection& operator=(const RedisConnection&) = delete;

    // Begins to connect. False: it failed at once, `reason` says why, nothing is open.
    bool open(const RedisConf& conf, std::string* reason);
    // At once and without a callback. Does nothing if it is closed.
    void close();
    bool connected() const { return connected_; }

    // Queues a command; all that is queued in one turn of the event loop leaves in one
    // write. False if it is not connected or Redis does not read what waits already.
    bool send(const std::vector<std::string_view>& arguments);

private:
    struct FreeContext {
        void operator()(redisContext* context) const;
    };

    static void onEvent(ngx_event_t* event);
    void handleRead();
    void handleWrite();
    void finishConnect();
    bool flush();
    bool deliver();

    Owner& owner_;
    ngx_log_t* log_;
    std::unique_ptr<redisContext, FreeContext> context_;
    ngx_connection_t* connection_ = nullptr;  // owns the socket once there is one
    bool connected_ = false;
    size_t begun_ = 0;  // bytes of an answer that is not complete yet, about
    std::vector<const char*>
        texts_;  // of the command being queued; kept for their memory
    std::vector<size_t> lengths_;
};

}  // namespace messaging
