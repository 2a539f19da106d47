// What one process of nginx knows of revocations, and how: it subscribes to their
// channel, then reads the list that workers keep in Redis, whenever Redis comes up.
//
// Until the list is there, requests that show a token wait as for Redis itself. Where
// no worker made one for some seconds they go on with what this process knows: all that
// a token then reaches are streams that nobody writes to and badges of the last minute,
// since whoever could answer makes the list first.
#pragma once

#include "ngx_module/ngx_messaging.hpp"

#include <string>
#include <string_view>

#include "ngx_module/core/revocation.hpp"

namespace messaging {

class RevocationWatch {
public:
    explicit RevocationWatch(Process& process);
    ~RevocationWatch();

    void redisUp();
    void redisDown();
    // Whether it was about this.
    bool redisSubscribed(std::string_view channel);
    bool redisMessage(std::string_view channel, std::string_view payload);

    // Whether tokens can be judged.
    bool ready() const { return list_.known() || overdue_; }
    bool refuses(const core::SignIn& who) const {
        return list_.refuses(who, static_cast<uint64_t>(ngx_time()));
    }

private:
    void read();
    void take(const RedisAnswer& answer);
    void apply(const Revocation& revocation);
    void retry();
    static void onTimer(ngx_event_t* event);

    Process& process_;
    const std::string channel_;
    core::Revocations list_;
    bool overdue_ = false;  // Redis has been up for long without it
    ngx_msec_t upSince_ = 0;
    ngx_event_t timer_ = {};
};

}  // namespace messaging
