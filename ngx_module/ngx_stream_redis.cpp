// What the streams ask of Redis, and its answers, none of which is trusted: what cannot
// be read is a loss, and a loss is a reset.
#include "ngx_module/ngx_stream.hpp"

#include "schema/limits.hpp"

namespace messaging {
namespace {

constexpr size_t kInboxDigits = 32;

// An entry of XRANGE's answer: [id, [name, value]].
bool readEntry(const RedisAnswer& answer, core::Entry* entry) {
    if (answer.items.size() != 2 || answer.items[1].items.size() != 2 ||
        answer.items[1].items[0].text != "e") {
        return false;
    }
    const std::optional<LogId> id = parseLogId(answer.items[0].text);
    auto events = decodeEvents(answer.items[1].items[1].text);
    if (!id || !events.ok()) {
        return false;
    }
    entry->id = *id;
    entry->events = std::move(events.value());
    return true;
}

}  // namespace

// --- Names

std::string Streams::channelOf(const core::InboxKey& inbox) const {
    return process_.keys.channel(core::formatInboxKey(inbox));
}

std::optional<core::InboxKey> Streams::inboxOf(std::string_view channel) const {
    const size_t length = channelHead_.size() + kInboxDigits + channelTail_.size();
    if (channel.size() != length ||
        channel.substr(0, channelHead_.size()) != channelHead_ ||
        channel.substr(length - channelTail_.size()) != channelTail_) {
        return std::nullopt;
    }
    return core::parseInboxKey(channel.substr(channelHead_.size(), kInboxDigits));
}

std::string Streams::logOf(const core::InboxKey& inbox) const {
    return process_.keys.log(core::formatInboxKey(inbox), hub_.run());
}

// --- Asked by the hub

void Streams::subscribe(const core::InboxKey& inbox) {
    process_.redis->subscribe(channelOf(inbox));
}

void Streams::unsubscribe(const core::InboxKey& inbox) {
    process_.redis->unsubscribe(channelOf(inbox));
}

// Without an answer the link is gone: the hub learns that as a whole.

bool Streams::renew(const core::InboxKey& inbox, uint64_t renewal) {
    const std::string seconds = std::to_string(limits::kLogSeconds);
    return process_.redis->command({"EVAL", kRenewScript, "1", logOf(inbox), seconds},
                                   [this, inbox, renewal](const RedisAnswer* answer) {
                                       if (answer != nullptr) {
                                           takeRenewal(inbox, renewal, *answer);
                                       }
                                   });
}

bool Streams::fetch(const core::InboxKey& inbox, const LogId& from, uint64_t fetch) {
    const std::string most = std::to_string(core::Hub::kFetch);
    return process_.redis->command(
        {"XRANGE", logOf(inbox), formatLogId(from), "+", "COUNT", most},
        [this, fetch](const RedisAnswer* answer) {
            if (answer != nullptr) {
                takeEntries(fetch, *answer);
            }
        });
}

// --- Answers

void Streams::redisUp() {
    hub_.redisUp(process_.redis->run());
    presence_.forgotten(ngx_current_msec);
    afterHub();
}

void Streams::redisDown() {
    hub_.redisDown();
    afterHub();
}

void Streams::redisSubscribed(std::string_view channel) {
    if (const auto inbox = inboxOf(channel)) {
        hub_.subscribed(*inbox);
        afterHub();
    }
}

void Streams::redisMessage(std::string_view channel, std::string_view payload) {
    const auto inbox = inboxOf(channel);
    if (!inbox) {
        return;
    }
    auto announcement = decodeAnnouncement(payload);
    if (announcement.ok()) {
        core::Entry entry{announcement->id, std::move(announcement->events)};
        if (announcement->whispered) {
            hub_.whispered(*inbox, entry);
        } else {
            hub_.announced(*inbox, announcement->previous, entry);
        }
    } else {
        process_.logOddity("an announcement that cannot be read",
                           announcement.status().detail());
        hub_.garbled(*inbox);
    }
    afterHub();
}

void Streams::takeRenewal(const core::InboxKey& inbox, uint64_t renewal,
                          const RedisAnswer& answer) {
    std::optional<core::Hub::Renewal> renewed;
    if (answer.items.size() == 2) {
        if (const auto last = parseLogId(answer.items[0].text)) {
            renewed = core::Hub::Renewal{*last, answer.items[1].integer != 0};
        }
    }
    if (!renewed) {
        process_.logOddity("a log that cannot be renewed", answer.text);
    }
    hub_.renewed(inbox, renewal, renewed);
    afterHub();
}

void Streams::takeEntries(uint64_t fetch, const RedisAnswer& answer) {
    bool readable = answer.kind == RedisAnswer::Kind::Array;
    std::vector<core::Entry> entries(answer.items.size());
    for (size_t i = 0; i < entries.size() && readable; ++i) {
        readable = readEntry(answer.items[i], &entries[i]);
    }
    if (!readable) {
        process_.logOddity("a log that cannot be read", answer.text);
    }
    hub_.fetched(fetch, readable ? &entries : nullptr);
    afterHub();
}

}  // namespace messaging
