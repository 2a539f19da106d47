// The list is read again until it is complete: after that, and after a FLUSHALL, a
// worker announces it.
#include "ngx_module/ngx_revocation.hpp"

#include "ngx_module/ngx_command.hpp"
#include "ngx_module/ngx_stream.hpp"
#include "schema/limits.hpp"

namespace messaging {
namespace {

constexpr ngx_msec_t kAgain = 250;
constexpr ngx_msec_t kPatience = 5000;

}  // namespace

// The store has at most kMaxRevocations at any time; some here are over already.
RevocationWatch::RevocationWatch(Process& process)
    : process_(process),
      channel_(process.keys.revoked()),
      list_(2 * limits::kMaxRevocations) {
    timer_.handler = onTimer;
    timer_.data = this;  // nginx's debug log reads a connection's fd here: harmless
    timer_.log = process.cycle->log;
    timer_.cancelable = 1;
}

RevocationWatch::~RevocationWatch() {
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
}

void RevocationWatch::redisUp() {
    list_.setKnown(false);
    overdue_ = false;
    upSince_ = ngx_current_msec;
    process_.redis->subscribe(channel_);
}

void RevocationWatch::redisDown() {
    list_.setKnown(false);
    overdue_ = false;
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
}

// Whatever is added from now on is heard of.
bool RevocationWatch::redisSubscribed(std::string_view channel) {
    if (channel != channel_) {
        return false;
    }
    read();
    return true;
}

bool RevocationWatch::redisMessage(std::string_view channel, std::string_view payload) {
    if (channel != channel_) {
        return false;
    }
    auto news = decodeRevocationNews(payload);
    if (!news.ok()) {
        process_.logOddity("news of a revocation that cannot be read",
                           news.status().detail());
    } else if (news->revocation) {
        apply(*news->revocation);
    } else {
        read();
    }
    return true;
}

void RevocationWatch::read() {
    const bool sent = process_.redis->command(
        {"HGETALL", process_.keys.revocations(process_.redis->run())},
        [this](const RedisAnswer* answer) {
            if (answer != nullptr) {  // else Redis is down, as is told
                take(*answer);
            }
        });
    if (!sent) {
        retry();
    }
}

void RevocationWatch::take(const RedisAnswer& answer) {
    if (answer.kind == RedisAnswer::Kind::Error) {
        process_.logOddity("Redis refuses to tell revocations", answer.text);
    }
    bool complete = false;
    for (size_t i = 0; i + 1 < answer.items.size(); i += 2) {
        const std::string_view name = answer.items[i].text;
        if (name == kRevocationsComplete) {
            complete = true;
            continue;
        }
        auto revocation = decodeRevocation(name, answer.items[i + 1].text);
        if (revocation.ok()) {
            apply(revocation.value());
        } else {
            process_.logOddity("a revocation that cannot be read",
                               revocation.status().detail());
        }
    }
    if (complete) {
        list_.setKnown(true);
        serveEarly(&process_);
    } else if (!list_.known()) {
        retry();
    }
}

void RevocationWatch::apply(const Revocation& revocation) {
    if (!list_.add(revocation, static_cast<uint64_t>(ngx_time()))) {
        ngx_log_error(NGX_LOG_CRIT, process_.cycle->log, 0,
                      "messaging: more revocations than there can be: one is not kept");
    }
    process_.streams->revoke(revocation);
}

void RevocationWatch::retry() {
    if (!overdue_ && ngx_current_msec - upSince_ >= kPatience) {
        overdue_ = true;
        ngx_log_error(NGX_LOG_ERR, process_.cycle->log, 0,
                      "messaging: no worker has made the list of revocations; tokens "
                      "are taken without it");
        serveEarly(&process_);
    }
    if (!timer_.timer_set) {
        ngx_add_timer(&timer_, kAgain);
    }
}

void RevocationWatch::onTimer(ngx_event_t* event) {
    auto* self = static_cast<RevocationWatch*>(event->data);
    guard(event->log, 0, [self] {
        if (self->process_.redis->up()) {
            self->read();
        }
        return 0;
    });
}

}  // namespace messaging
