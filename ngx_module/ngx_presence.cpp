// Who is there, told to Redis; and where that changed for all processes together, to a
// worker, which tells those whom it concerns. Nothing waits for any of it: what is lost
// is said again, or forgotten by itself.
#include "ngx_module/ngx_command.hpp"
#include "ngx_module/ngx_stream.hpp"

#include "schema/keys.hpp"
#include "schema/limits.hpp"
#include "schema/model.hpp"

namespace messaging {
namespace {

constexpr ngx_msec_t kLookEvery = 100;
// Of all who are there, in one look: 5,000 a second.
constexpr size_t kMost = 500;

}  // namespace

void Streams::came(const Subscriber& stream) {
    if (stream.conf->presence != 0) {
        presence_.come({stream.conf->site, stream.user}, ngx_current_msec);
        arm(presenceTimer_, 1);
    }
}

// A process that ends leaves it to the one after it to say that somebody is there.
void Streams::went(const Subscriber& stream) {
    if (stream.conf->presence != 0) {
        presence_.go({stream.conf->site, stream.user}, ngx_current_msec);
    }
}

void Streams::onPresence(ngx_event_t* event) {
    auto* self =
        static_cast<Streams*>(static_cast<ngx_connection_t*>(event->data)->data);
    guard(event->log, 0, [self] {
        self->tellPresence();
        return 0;
    });
    if (!self->presence_.empty()) {
        self->arm(self->presenceTimer_, kLookEvery);
    }
}

// Without Redis it waits: it is all said again when Redis is back.
void Streams::tellPresence() {
    if (!process_.redis->up() || ngx_exiting) {
        return;
    }
    for (const auto& news : presence_.take(ngx_current_msec, kMost)) {
        tellPresence(news);
    }
}

void Streams::tellPresence(const core::Presence::News& news) {
    const core::Person& person = news.person;
    const std::string key = process_.keys.presence(inboxId(person.site, person.user));
    const std::string absent = std::to_string(limits::kAbsentMilliseconds);
    const std::string seconds = std::to_string(limits::kSeenSeconds);
    process_.redis->command({"EVAL", kPresenceScript, "1", key, process_.replyChannel,
                             news.here ? "1" : "0", absent, seconds},
                            [this, person](const RedisAnswer* answer) {
                                if (answer != nullptr) {
                                    takePresence(person, *answer);
                                }
                            });
}

// {were there, are there, now}
void Streams::takePresence(const core::Person& person, const RedisAnswer& answer) {
    if (answer.items.size() != 3 || answer.items[2].integer < 0) {
        process_.logOddity("Redis does not note who is there", answer.text);
        return;
    }
    const bool here = answer.items[1].integer != 0;
    if (here == (answer.items[0].integer != 0)) {
        return;
    }
    Command command;
    command.operation = Operation::Presence;
    command.who.site = person.site;
    command.who.user = person.user;
    command.body =
        encode(PresenceArguments{here, static_cast<uint64_t>(answer.items[2].integer)});
    tell(&process_, &command);
}

}  // namespace messaging
