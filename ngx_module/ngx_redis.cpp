// The link to Redis: two connections that come and go together. Every way to lose it
// ends in drop(), which is called from nginx's events only, never from inside
// command(); every way back begins with the timer. Nothing here blocks, and every wait
// has an end.
#include "ngx_module/ngx_redis.hpp"

#include <deque>
#include <unordered_map>
#include <utility>

#include "ngx_module/core/backoff.hpp"
#include "ngx_module/ngx_messaging.hpp"
#include "ngx_module/ngx_redis_connection.hpp"
#include "schema/keys.hpp"
#include "schema/limits.hpp"
#include "schema/redis_words.hpp"

namespace messaging {
namespace {

// Milliseconds. A heartbeat goes from the command connection to the subscriber, because
// a subscribed connection can be dead without anything to show for it.
constexpr ngx_msec_t kConnectTime = 2000;
constexpr ngx_msec_t kAnswerTime = 5000;
constexpr ngx_msec_t kBeatTime = 10000;
constexpr ngx_msec_t kTick = 1000;

// A link that lasted this long was a good one: the next pause begins small again.
constexpr ngx_msec_t kLasting = 5000;

// Commands under way: at 20,000 a second they are 400 ms of work for Redis.
constexpr size_t kMaxPending = 8192;

constexpr std::string_view kBeat = "ping";
constexpr size_t kMaxReason = 200;

bool stopping() {
    return ngx_exiting || ngx_quit || ngx_terminate;
}

}  // namespace

class Redis::Impl : RedisConnection::Owner {
public:
    Impl(const RedisConf& conf, std::string ownChannel, Listener& listener,
         ngx_log_t* log);
    ~Impl() override;

    void connect();
    bool up() const { return phase_ == Phase::Up; }
    bool coming() const {
        return phase_ != Phase::Up && phase_ != Phase::Down && reason_.empty();
    }
    const std::string& run() const { return run_; }
    bool command(const std::vector<std::string_view>& arguments, Done done);
    void subscribe(std::string_view channel);
    void unsubscribe(std::string_view channel);

private:
    enum class Phase { Down, Connecting, Greeting, Up };
    struct Pending {
        Done done;
        ngx_msec_t queued;
    };
    using Queue = std::deque<Pending>;

    void connected(RedisConnection& connection) override;
    void answered(RedisConnection& connection, const RedisAnswer& answer) override;
    void broken(RedisConnection& connection, std::string_view reason) override;

    static void onTimer(ngx_event_t* event);
    void handleTimer();
    void arm(ngx_msec_t pause);

    void greet(RedisConnection& connection, Queue& queue, std::string* run);
    void ask(RedisConnection& connection, Queue& queue,
             const std::vector<std::string_view>& arguments,
             std::function<void(const RedisAnswer&)> then = {});
    void compareRuns();
    void becomeUp();
    void hear(const RedisAnswer& answer);
    void hearSubscribed(std::string_view channel);
    void hearMessage(std::string_view channel, std::string_view payload);
    void tick();
    void beat();
    void drop(std::string_view reason);
    void logDown(std::string_view reason);
    void dismiss(Queue& queue);

    // What others do in their callbacks must not cost us the connection.
    template <typename Body>
    void contain(Body body) {
        guard(log_, 0, [&body] {
            body();
            return 0;
        });
    }

    const RedisConf conf_;
    const std::string own_;
    Listener& listener_;
    ngx_log_t* log_;
    RedisConnection commands_;
    RedisConnection subscriber_;
    Phase phase_ = Phase::Down;
    ngx_event_t timer_ =
        {};  // ends the pause, the wait for a connection, a tick: one at a time
    core::Backoff backoff_;

    Queue pending_;   // asked over commands_, oldest first
    Queue greeting_;  // asked over subscriber_ before it subscribes
    std::string run_;
    std::string subscriberRun_;
    std::string
        reason_;  // why it is down, as logged; empty: it is not, or nobody was told

    // SUBSCRIBEs under way by channel: only the last one's confirmation counts, because
    // an UNSUBSCRIBE stands before it.
    std::unordered_map<std::string, unsigned> subscribing_;

    ngx_msec_t upSince_ = 0;
    ngx_msec_t ticked_ = 0;
    ngx_msec_t resumed_ = 0;  // since when silence counts
    ngx_msec_t beatAt_ = 0;
    bool beating_ = false;  // a heartbeat is under way
    bool stuck_ = false;    // a subscription was not sent: only a new link mends that
};

Redis::Impl::Impl(const RedisConf& conf, std::string ownChannel, Listener& listener,
                  ngx_log_t* log)
    : conf_(conf),
      own_(std::move(ownChannel)),
      listener_(listener),
      log_(log),
      commands_(*this, log),
      subscriber_(*this, log) {
    timer_.handler = onTimer;
    timer_.data = this;  // nginx's debug log reads a connection's fd here: harmless
    timer_.log = log;
    timer_.cancelable = 1;
}

Redis::Impl::~Impl() {
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
}

void Redis::Impl::connect() {
    if (phase_ != Phase::Down || stopping()) {
        return;
    }
    phase_ = Phase::Connecting;
    arm(kConnectTime);
    std::string reason;
    if (!commands_.open(conf_, &reason) || !subscriber_.open(conf_, &reason)) {
        drop(reason);
    }
}

// --- From nginx's events

void Redis::Impl::connected(RedisConnection& connection) {
    if (&connection == &commands_) {
        greet(commands_, pending_, &run_);
    } else {
        greet(subscriber_, greeting_, &subscriberRun_);
    }
    if (phase_ == Phase::Connecting && commands_.connected() &&
        subscriber_.connected()) {
        phase_ = Phase::Greeting;
        arm(kAnswerTime);
    }
}

void Redis::Impl::answered(RedisConnection& connection, const RedisAnswer& answer) {
    Queue& queue = &connection == &commands_ ? pending_ : greeting_;
    if (queue.empty() && &connection == &subscriber_) {
        hear(answer);
        return;
    }
    if (queue.empty()) {
        drop(answer.kind == RedisAnswer::Kind::Error ? answer.text
                                                     : "an unasked answer");
        return;
    }
    const Done done = std::move(queue.front().done);
    queue.pop_front();
    contain([&done, &answer] { done(&answer); });
    if (phase_ == Phase::Up && answer.kind == RedisAnswer::Kind::Error &&
        meansDown(answer.text)) {
        drop(answer.text);
    }
}

void Redis::Impl::broken(RedisConnection&, std::string_view reason) {
    drop(reason);
}

void Redis::Impl::onTimer(ngx_event_t* event) {
    auto* self = static_cast<Impl*>(event->data);
    self->contain([self] { self->handleTimer(); });
}

void Redis::Impl::handleTimer() {
    switch (phase_) {
        case Phase::Down:
            connect();
            break;
        case Phase::Connecting:
            drop("no connection within 2 seconds");
            break;
        case Phase::Greeting:
            drop("no answer within 5 seconds");
            break;
        case Phase::Up:
            tick();
            break;
    }
}

void Redis::Impl::arm(ngx_msec_t pause) {
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
    ngx_add_timer(&timer_, pause);
}

// --- The way up

// Signs in, and learns which Redis this is. Both connections do, since a failover may
// stand between them.
void Redis::Impl::greet(RedisConnection& connection, Queue& queue, std::string* run) {
    if (!conf_.password.empty() && conf_.user.empty()) {
        ask(connection, queue, {"AUTH", conf_.password});
    } else if (!conf_.password.empty()) {
        ask(connection, queue, {"AUTH", conf_.user, conf_.password});
    }
    if (&connection == &commands_) {
        if (conf_.db != 0) {
            ask(connection, queue, {"SELECT", std::to_string(conf_.db)});
        }
        ask(connection, queue, {"PING"});  // refused while it loads; INFO is not
        ask(connection, queue, {"INFO", "replication"},
            [this](const RedisAnswer& answer) {
                if (infoField(answer.text, "role") == "slave") {
                    drop("it is a replica");
                }
            });
    }
    ask(connection, queue, {"INFO", "server"}, [this, run](const RedisAnswer& answer) {
        *run = infoField(answer.text, "run_id");
        if (run->size() < kRunDigits) {
            drop("it names no run_id");
            return;
        }
        compareRuns();
    });
}

// A command of our own; any error ends the try.
void Redis::Impl::ask(RedisConnection& connection, Queue& queue,
                      const std::vector<std::string_view>& arguments,
                      std::function<void(const RedisAnswer&)> then) {
    std::string name(arguments.front());
    Done done = [this, name = std::move(name),
                 then = std::move(then)](const RedisAnswer* answer) {
        if (answer == nullptr) {
            return;  // dropped already
        }
        if (answer->kind == RedisAnswer::Kind::Error) {
            drop(name + ": " + std::string(answer->text));
        } else if (then) {
            then(*answer);
        }
    };
    if (connection.send(arguments)) {
        queue.push_back({std::move(done), ngx_current_msec});
    }
}

void Redis::Impl::compareRuns() {
    if (run_.empty() || subscriberRun_.empty()) {
        return;  // the other one has not answered yet
    }
    if (run_ != subscriberRun_) {
        drop("the two connections reached different servers");
        return;
    }
    run_.resize(kRunDigits);
    subscriber_.send({"SUBSCRIBE", own_});
}

void Redis::Impl::becomeUp() {
    phase_ = Phase::Up;
    upSince_ = ticked_ = resumed_ = beatAt_ = ngx_current_msec;
    beating_ = stuck_ = false;
    if (!reason_.empty()) {
        ngx_log_error(NGX_LOG_NOTICE, log_, 0, "messaging: redis is back");
        reason_.clear();
    }
    arm(kTick);
    contain([this] { listener_.redisUp(); });
}

// --- Up

bool Redis::Impl::command(const std::vector<std::string_view>& arguments, Done done) {
    if (phase_ != Phase::Up || pending_.size() >= kMaxPending) {
        return false;
    }
    // Queued first: if there is no memory for that, nothing was sent.
    pending_.push_back({std::move(done), ngx_current_msec});
    if (!commands_.send(arguments)) {
        pending_.pop_back();
        return false;
    }
    return true;
}

void Redis::Impl::subscribe(std::string_view channel) {
    if (phase_ != Phase::Up) {
        return;
    }
    ++subscribing_[std::string(channel)];
    if (!subscriber_.send({"SUBSCRIBE", channel})) {
        stuck_ = true;
        arm(0);
    }
}

void Redis::Impl::unsubscribe(std::string_view channel) {
    if (phase_ == Phase::Up) {
        subscriber_.send({"UNSUBSCRIBE", channel});
    }
}

void Redis::Impl::hear(const RedisAnswer& answer) {
    if (answer.kind == RedisAnswer::Kind::Error) {
        drop(answer.text);
        return;
    }
    if (answer.items.size() != 3) {
        drop("an answer that is no message");
        return;
    }
    const std::string_view kind = answer.items[0].text;
    const std::string_view channel = answer.items[1].text;
    if (kind == "message") {
        hearMessage(channel, answer.items[2].text);
    } else if (kind == "subscribe") {
        hearSubscribed(channel);
    }
}

void Redis::Impl::hearSubscribed(std::string_view channel) {
    if (channel == own_) {
        if (phase_ == Phase::Greeting) {
            becomeUp();
        }
        return;
    }
    const auto found = subscribing_.find(std::string(channel));
    if (found == subscribing_.end() || --found->second > 0) {
        return;
    }
    subscribing_.erase(found);
    contain([this, channel] { listener_.redisSubscribed(channel); });
}

void Redis::Impl::hearMessage(std::string_view channel, std::string_view payload) {
    if (channel == own_ && payload == kBeat) {
        beating_ = false;
        return;
    }
    if (phase_ != Phase::Up) {
        return;
    }
    if (payload.size() > limits::kMaxReply) {
        ngx_log_error(NGX_LOG_ERR, log_, 0, "messaging: redis sent %uz bytes, dropped",
                      payload.size());
        return;
    }
    contain([this, channel, payload] { listener_.redisMessage(channel, payload); });
}

// Once a second: whether the answers still come.
void Redis::Impl::tick() {
    if (stuck_) {
        drop("it does not read");
        return;
    }
    const ngx_msec_t now = ngx_current_msec;
    if (now - ticked_ > 3 * kTick) {
        resumed_ = now;  // this process stood still, not Redis
    }
    ticked_ = now;
    const auto silent = [this, now](ngx_msec_t since) {
        return now - since >= kAnswerTime && now - resumed_ >= kAnswerTime;
    };
    if (!pending_.empty() && silent(pending_.front().queued)) {
        drop("no answer within 5 seconds");
        return;
    }
    if (beating_ && silent(beatAt_)) {
        drop("the subscription is silent");
        return;
    }
    if (!beating_ && now - beatAt_ >= kBeatTime) {
        beat();
    }
    arm(kTick);
}

void Redis::Impl::beat() {
    if (command({"PUBLISH", own_, kBeat}, [](const RedisAnswer*) {})) {
        beating_ = true;
        beatAt_ = ngx_current_msec;
    }
}

// --- The way down

void Redis::Impl::drop(std::string_view reason) {
    if (phase_ == Phase::Down) {
        return;
    }
    const bool wasUp = phase_ == Phase::Up;
    phase_ = Phase::Down;
    logDown(reason);
    commands_.close();
    subscriber_.close();
    if (wasUp && ngx_current_msec - upSince_ >= kLasting) {
        backoff_.reset();
    }
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
    if (!stopping()) {
        arm(backoff_.next(static_cast<uint32_t>(ngx_random())));
    }
    run_.clear();
    subscriberRun_.clear();
    subscribing_.clear();
    dismiss(greeting_);
    dismiss(pending_);
    contain([this] { listener_.redisDown(); });
}

// Once for each reason in turn, not once for each try.
void Redis::Impl::logDown(std::string_view reason) {
    reason = reason.substr(0, kMaxReason);
    if (stopping() || reason == reason_) {
        return;
    }
    reason_ = reason;
    if (conf_.path.empty()) {
        ngx_log_error(NGX_LOG_ERR, log_, 0, "messaging: redis %s:%d: %s",
                      conf_.host.c_str(), conf_.port, reason_.c_str());
    } else {
        ngx_log_error(NGX_LOG_ERR, log_, 0, "messaging: redis %s: %s",
                      conf_.path.c_str(), reason_.c_str());
    }
}

void Redis::Impl::dismiss(Queue& queue) {
    Queue lost;
    lost.swap(queue);
    for (const Pending& pending : lost) {
        contain([&pending] { pending.done(nullptr); });
    }
}

// --- The face

Redis::Redis(const RedisConf& conf, std::string ownChannel, Listener& listener,
             ngx_log_t* log)
    : impl_(std::make_unique<Impl>(conf, std::move(ownChannel), listener, log)) {}
Redis::~Redis() = default;

void Redis::connect() {
    impl_->connect();
}
bool Redis::up() const {
    return impl_->up();
}
bool Redis::coming() const {
    return impl_->coming();
}
const std::string& Redis::run() const {
    return impl_->run();
}
bool Redis::command(const std::vector<std::string_view>& arguments, Done done) {
    return impl_->command(arguments, std::move(done));
}
void Redis::subscribe(std::string_view channel) {
    impl_->subscribe(channel);
}
void Redis::unsubscribe(std::string_view channel) {
    impl_->unsubscribe(channel);
}

}  // namespace messaging
