// The hub's decisions carried out, and all that time brings: heartbeats, ends of life,
// slow readers, the end of the process. One timer looks at a part of the streams each
// time, so that each is seen once a second and none needs a timer of its own. It holds
// up the exit of the process while there are streams, and is not there while there are
// none.
#include "ngx_module/ngx_stream.hpp"

#include <algorithm>

#include "schema/keys.hpp"
#include "schema/limits.hpp"

namespace messaging {
namespace {

constexpr ngx_msec_t kSweepEvery = 250;
constexpr ngx_msec_t kDrainEvery = 50;
constexpr ngx_msec_t kRound = 1000;  // in which each stream is looked at

// Renewals and subscriptions that wait leave at up to 40,000 a second.
constexpr ngx_msec_t kPaceEvery = 5;
constexpr size_t kPaceMost = 200;

constexpr ngx_msec_t kOpeningTime = 5000;
constexpr ngx_msec_t kEndingTime = 5000;
constexpr ngx_msec_t kStuckTime = 10000;  // bytes wait and none leaves

// Whoever has too many streams must not take them from itself in turns.
constexpr uint64_t kRetryOverLimit = 60 * 1000;

// Its person is of its team no more, or its sign-in was taken back.
constexpr const char* kRevokedCode = "revoked";

Streams* streamsOf(ngx_event_t* event) {
    return static_cast<Streams*>(static_cast<ngx_connection_t*>(event->data)->data);
}

}  // namespace

Streams::Streams(Process& process, const MainConf& conf)
    : process_(process), conf_(conf) {
    const std::string zeros(32, '0');
    const std::string channel = process.keys.channel(zeros);
    const size_t at = channel.rfind(zeros);
    channelHead_ = channel.substr(0, at);
    channelTail_ = channel.substr(at + zeros.size());

    dummy_.fd = static_cast<ngx_socket_t>(-1);
    dummy_.data = this;
    for (ngx_event_t* event :
         {&sweepTimer_, &paceTimer_, &parkEvent_, &presenceTimer_}) {
        event->data = &dummy_;
        event->log = process.cycle->log;
    }
    sweepTimer_.handler = onSweep;
    paceTimer_.handler = onPace;
    paceTimer_.cancelable = 1;
    parkEvent_.handler = onPark;
    presenceTimer_.handler = onPresence;
    presenceTimer_.cancelable = 1;
}

// The process ends; what is still open ends with it.
Streams::~Streams() {
    for (ngx_event_t* timer : {&sweepTimer_, &paceTimer_, &presenceTimer_}) {
        if (timer->timer_set) {
            ngx_del_timer(timer);
        }
    }
    if (parkEvent_.posted) {
        ngx_delete_posted_event(&parkEvent_);
    }
    for (Subscriber& stream : streams_) {
        if (stream.cleanup != nullptr) {
            stream.cleanup->handler = nullptr;
        }
    }
}

// --- The hub's decisions

void Streams::open(core::Stream& base, const core::Opening& opening) {
    auto& stream = static_cast<Subscriber&>(base);
    stream.phase = Subscriber::Phase::Live;
    ++live_;
    came(stream);
    if (!sendHead(stream)) {
        doom(stream, "closed");
        return;
    }
    rendered_ = nullptr;
    block_.clear();
    core::appendHello(block_.frames(), hub_.run(), opening.place, *stream.identity,
                      opening.resumed, core::retryTime(stream.conf->retry, random32()));
    if (!opening.reset.empty()) {
        core::appendReset(block_.frames(), hub_.run(), opening.place, opening.reset);
    }
    core::Place place = opening.place;
    append(stream, opening.missed, place);
    if (opening.missed.count > 0) {
        place.own = {opening.missed.first[opening.missed.count - 1].id, 0};
    }
    append(stream, opening.missedTeam, place);
    stream.identity.reset();
    stream.events +=
        core::eventsOf(opening.missed) + core::eventsOf(opening.missedTeam);
    if (const char* code = write(stream)) {
        doom(stream, code);
        return;
    }
    parkSoon(stream);
}

void Streams::refuse(core::Stream& base) {
    doom(static_cast<Subscriber&>(base), "unavailable");
}

// An entry in the words of the stream's profile, which may depend on who reads.
void Streams::word(const Subscriber& stream, core::Entry* entry) {
    const core::SiteProfile& profile = *stream.conf->profile;
    Identity who;
    who.user = stream.user;
    who.team = stream.team != nullptr ? *stream.team : std::string();
    for (Event& event : entry->events) {
        auto data = renderEvent(profile.wording, event, who);
        if (data.ok()) {
            event.data = std::move(data.value());
        } else {
            process_.logOddity("an event that cannot be worded",
                               data.status().detail());
        }
        event.type = profile.eventName(event.type);
    }
}

void Streams::append(const Subscriber& stream, const core::Batch& batch,
                     const core::Place& place) {
    if (stream.conf->profile == nullptr || batch.count == 0) {
        core::appendBatch(block_.frames(), hub_.run(), batch, place);
        return;
    }
    std::vector<core::Entry> entries(batch.first, batch.first + batch.count);
    for (core::Entry& entry : entries) {
        word(stream, &entry);
    }
    core::appendBatch(block_.frames(), hub_.run(),
                      {entries.data(), entries.size(), batch.skip}, place);
}

// All streams of an inbox that are given the same get the same bytes, but for those
// that follow two, whose ids tell of both, and those in a profile's words. What was
// said before a stream opened is about others: it was opened under the sign-in of then.
void Streams::deliver(core::Stream& base, const core::Batch& batch,
                      const core::Place& place) {
    auto& stream = static_cast<Subscriber&>(base);
    if (stream.code != nullptr) {
        return;
    }
    const bool alike = place.tag == 0 && stream.conf->profile == nullptr;
    if (!alike || rendered_ != batch.first) {
        rendered_ = alike ? batch.first : nullptr;
        block_.clear();
        append(stream, batch, place);
    }
    stream.events += core::eventsOf(batch);
    if (const char* code = write(stream)) {
        doom(stream, code);
    } else if (core::revokes(batch, place.tag)) {
        doom(stream, kRevokedCode);
    }
}

// A client that has not taken what it was given needs no more of what passes.
void Streams::whisper(core::Stream& base, const core::Entry& entry) {
    auto& stream = static_cast<Subscriber&>(base);
    if (busy(stream) || stream.phase != Subscriber::Phase::Live) {
        return;
    }
    if (stream.conf->profile != nullptr) {
        rendered_ = nullptr;
        block_.clear();
        core::Entry worded = entry;
        word(stream, &worded);
        core::appendWhisper(block_.frames(), worded);
    } else if (rendered_ != &entry) {
        rendered_ = &entry;
        block_.clear();
        core::appendWhisper(block_.frames(), entry);
    }
    stream.events += entry.events.size();
    if (const char* code = write(stream)) {
        doom(stream, code);
    }
}

void Streams::reset(core::Stream& base, const core::Place& place,
                    std::string_view reason) {
    auto& stream = static_cast<Subscriber&>(base);
    if (stream.code != nullptr) {
        return;
    }
    rendered_ = nullptr;
    block_.clear();
    core::appendReset(block_.frames(), hub_.run(), place, reason);
    if (const char* code = write(stream)) {
        doom(stream, code);
    }
}

void Streams::doom(Subscriber& stream, const char* code) {
    if (stream.code == nullptr) {
        stream.code = code;
        doomed_.push_back(&stream);
    }
}

// What could not be done inside the hub's call.
void Streams::afterHub() {
    rendered_ = nullptr;
    while (!doomed_.empty()) {
        Subscriber& stream = *doomed_.back();
        doomed_.pop_back();
        if (stream.phase == Subscriber::Phase::Opening) {
            answerUnavailable(stream);
        } else if (stream.code == kRevokedCode) {
            end(stream, kRevokedCode);
        } else {
            cut(stream, stream.code);
        }
    }
    if (hub_.hasWork() && !paceTimer_.timer_set) {
        arm(paceTimer_, kPaceEvery);
    }
}

// --- Time

void Streams::arm(ngx_event_t& timer, ngx_msec_t pause) {
    if (!timer.timer_set) {
        ngx_add_timer(&timer, pause);
    }
}

void Streams::onPace(ngx_event_t* event) {
    guard(event->log, 0, [event] {
        Streams* self = streamsOf(event);
        self->hub_.work(kPaceMost);
        self->afterHub();
        return 0;
    });
}

void Streams::onSweep(ngx_event_t* event) {
    Streams* self = streamsOf(event);
    guard(event->log, 0, [self] {
        self->sweep();
        return 0;
    });
    if (!self->streams_.empty()) {
        self->arm(self->sweepTimer_, self->drain_.begun() ? kDrainEvery : kSweepEvery);
    }
}

void Streams::sweep() {
    const ngx_msec_t now = ngx_current_msec;
    if (ngx_exiting) {
        drain_.begin(now, live_, drainTime());
    }
    if (drain_.begun()) {
        drain(now);
    }
    const ngx_msec_t every = drain_.begun() ? kDrainEvery : kSweepEvery;
    const size_t some = streams_.size() * every / kRound + 1;
    for (size_t i = 0; i < some && !streams_.empty(); ++i) {
        Subscriber& stream = streams_.front();
        streams_.splice(streams_.end(), streams_, streams_.begin());
        look(stream, now);
    }
    hub_.tick(now);
    afterHub();
}

void Streams::look(Subscriber& stream, ngx_msec_t now) {
    switch (stream.phase) {
        case Subscriber::Phase::Opening:
            if (now - stream.opened >= kOpeningTime) {
                answerUnavailable(stream);
            }
            return;
        case Subscriber::Phase::Ending:
            if (now >= stream.endAt) {
                cut(stream, nullptr);
            }
            return;
        case Subscriber::Phase::Live:
            break;
    }
    if (stream.blockedAt != 0 && now - stream.blockedAt >= kStuckTime) {
        cut(stream, "slow");
    } else if (now >= stream.endAt) {
        end(stream, stream.expires ? "expired" : "age");
    } else if (now - stream.written >= stream.beat && stream.blockedAt == 0) {
        block_.clear();
        block_.frames() += core::kHeartbeat;
        if (const char* code = write(stream)) {
            cut(stream, code);
        }
    } else if (flushed(stream)) {
        hub_.taken(stream);  // if a write, and no event of its own, took the rest along
    }
}

// nginx cuts all connections when worker_shutdown_timeout is over: `bye` comes before
// that.
ngx_msec_t Streams::drainTime() const {
    const auto* core = reinterpret_cast<ngx_core_conf_t*>(
        ngx_get_conf(process_.cycle->conf_ctx, ngx_core_module));
    return core->shutdown_timeout == 0
               ? conf_.drainTime
               : std::min(conf_.drainTime, core->shutdown_timeout);
}

// Each tick ends as many as must be gone by now; at the end nobody waits for anybody.
void Streams::drain(ngx_msec_t now) {
    const size_t allowed = drain_.allowed(now);
    for (auto next = streams_.begin(); next != streams_.end() && live_ > allowed;) {
        Subscriber& stream = *next++;
        if (stream.phase == Subscriber::Phase::Live) {
            end(stream, "reload");
        }
    }
    while (drain_.over(now) && !streams_.empty()) {
        Subscriber& stream = streams_.front();
        if (stream.phase == Subscriber::Phase::Opening) {
            answerUnavailable(stream);
        } else {
            cut(stream, "reload");
        }
    }
}

// --- Ends

// One at a time: with one, a connection may go that carries others.
void Streams::revoke(const Revocation& revocation) {
    const auto inbox = core::parseInboxKey(inboxId(revocation.site, revocation.user));
    while (Subscriber* stream = inbox ? revoked(*inbox, revocation) : nullptr) {
        end(*stream, kRevokedCode);
    }
    afterHub();
}

Subscriber* Streams::revoked(const core::InboxKey& inbox,
                             const Revocation& revocation) {
    const core::Inbox* found = hub_.find(inbox);
    if (found != nullptr) {
        for (core::Stream* one : found->streams) {
            auto* stream = static_cast<Subscriber*>(one);
            if (core::concerns(revocation, stream->session, stream->issued)) {
                return stream;
            }
        }
    }
    return nullptr;
}

// With `bye`. The stream may be gone afterwards, as after each of these.
void Streams::end(Subscriber& stream, const char* code) {
    if (stream.phase == Subscriber::Phase::Opening) {
        answerUnavailable(stream);
        return;
    }
    leave(stream, code);
    uint64_t retry = stream.conf->retry;
    if (std::string_view(code) == "limit") {
        retry = std::max(retry, kRetryOverLimit);
    }
    block_.clear();
    core::appendBye(block_.frames(), code, core::retryTime(retry, random32()));
    if (writeLast(stream) != nullptr) {
        finish(stream, NGX_ERROR);
    } else if (flushed(stream)) {
        finish(stream, NGX_OK);
    } else {
        stream.endAt = ngx_current_msec + kEndingTime;
    }
}

void Streams::cut(Subscriber& stream, const char* code) {
    if (stream.phase == Subscriber::Phase::Live) {
        leave(stream, code);
    }
    finish(stream, NGX_ERROR);
}

// It is nobody's stream any more. The access log's line was written when it was parked,
// so its end has one of its own.
void Streams::leave(Subscriber& stream, const char* code) {
    hub_.remove(stream);
    --live_;
    went(stream);
    stream.phase = Subscriber::Phase::Ending;
    const std::string& site = stream.conf->site;
    ngx_log_error(NGX_LOG_INFO, stream.connection->log, 0,
                  "messaging: stream of %*s/%*s ended: %s, %uD events, %uL bytes, %M s",
                  site.size(), site.data(), stream.user.size(), stream.user.data(),
                  code, stream.events, stream.bytes,
                  (ngx_current_msec - stream.opened) / 1000);
}

void Streams::answerUnavailable(Subscriber& stream) {
    ngx_http_request_t* r = stream.request;
    ngx_connection_t* connection = stream.connection;
    hub_.remove(stream);
    release(stream);
    ngx_http_set_log_request(connection->log, r);
    const ngx_int_t rc = guard(connection->log, ngx_int_t{NGX_ERROR}, [r] {
        return respondProblem(r, Code::RedisUnavailable);
    });
    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(connection);
}

// Gives the request back to nginx, or closes the connection.
void Streams::finish(Subscriber& stream, ngx_int_t rc) {
    ngx_http_request_t* r = stream.request;
    ngx_connection_t* connection = stream.connection;
    release(stream);
    if (r != nullptr) {
        ngx_http_set_log_request(connection->log, r);
        ngx_http_finalize_request(r, rc);
        ngx_http_run_posted_requests(connection);
        return;
    }
    if (rc != NGX_OK) {
        connection->error = 1;  // no leave-taking by TLS
    }
    ngx_http_close_connection(connection);
}

void Streams::release(Subscriber& stream) {
    if (stream.cleanup != nullptr) {
        stream.cleanup->handler = nullptr;
    }
    for (auto* waiting : {&doomed_, &parking_}) {
        waiting->erase(std::remove(waiting->begin(), waiting->end(), &stream),
                       waiting->end());
    }
    streams_.erase(stream.self);
}

}  // namespace messaging
