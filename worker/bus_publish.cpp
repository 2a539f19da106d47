// What a batch wants said, and the end of its entries. An event that cannot be logged,
// or that nobody knows any more, must not be missed in silence: then the log goes, and
// whoever follows it is told so.
#include "worker/bus.hpp"
#include "worker/bus_entry.hpp"
#include "worker/bus_scripts.hpp"
#include "worker/crash.hpp"

#include <map>

namespace messaging::worker {

namespace {

// Only test builds pay a round trip for a place to die at.
#ifdef MESSAGING_CRASH_POINTS
constexpr bool kCrashPoints = true;
#else
constexpr bool kCrashPoints = false;
#endif

}  // namespace

Status Bus::publish(const Effects& effects) {
    const std::string length = std::to_string(limits::kLogEvents);
    Redis& redis = session_.redis();
    for (const Publication& publication : effects.publications) {
        if (publication.events.empty()) {
            appendLoss(publication);
            continue;
        }
        const std::string inbox = inboxId(publication.site, publication.member);
        const std::string log = keys_.log(inbox, session_.run());
        const std::string badge = keys_.badge(inbox, session_.run());
        const std::string channel = keys_.channel(inbox);
        const std::string events = encodeEvents(publication.events);
        session_.script(kPublish, {log, badge}, {channel, events, length});
    }
    std::vector<Answer> published;
    if (kCrashPoints) {
        auto answers = exchange();
        if (!answers.ok()) {
            return answers.status();
        }
        published = std::move(answers.value());
        crashPoint("after-log");
    }
    for (const auto& [channel, reply] : effects.replies) {
        redis.append({"PUBLISH", channel, encodeReply(reply)});
    }
    auto answers = exchange();
    if (!answers.ok()) {
        return answers.status();
    }
    crashPoint("after-publish");
    for (Answer& answer : answers.value()) {
        published.push_back(std::move(answer));
    }
    std::vector<const Publication*> failed;
    for (size_t i = 0; i < published.size(); ++i) {
        if (!published[i].isError()) {
            continue;
        }
        if (published[i].isError("NOSCRIPT")) {
            return session_.expect(published[i]);
        }
        session_.complain(published[i]);
        if (i < effects.publications.size()) {
            failed.push_back(&effects.publications[i]);
        }
    }
    return healLogs(failed);
}

void Bus::appendLoss(const Publication& publication) {
    const std::string inbox = inboxId(publication.site, publication.member);
    const std::string log = keys_.log(inbox, session_.run());
    const std::string badge = keys_.badge(inbox, session_.run());
    session_.script(kLose, {log, badge}, {keys_.channel(inbox)});
}

Status Bus::healLogs(const std::vector<const Publication*>& failed) {
    for (const Publication* publication : failed) {
        appendLoss(*publication);
    }
    auto answers = exchange();
    if (!answers.ok()) {
        return answers.status();
    }
    for (const Answer& answer : answers.value()) {
        if (Status status = session_.expect(answer); !status.ok()) {
            return status;
        }
    }
    return {};
}

Status Bus::acknowledge(const std::vector<Delivered>& entries) {
    std::map<unsigned, Arguments> shards;
    for (const Delivered& entry : entries) {
        shards[entry.shard].push_back(entry.entry);
    }
    crashPoint("before-ack");
    // Deleted first: a pending entry that is gone is found and acknowledged, one that
    // is acknowledged and still there would stay for ever.
    for (const auto& [shard, ids] : shards) {
        const std::string stream = keys_.commands(shard);
        Arguments remove{"XDEL", stream};
        remove.insert(remove.end(), ids.begin(), ids.end());
        session_.redis().append(remove);
        Arguments settle{"XACK", stream, kGroup};
        settle.insert(settle.end(), ids.begin(), ids.end());
        session_.redis().append(settle);
    }
    auto answers = exchange();
    if (!answers.ok()) {
        return answers.status();
    }
    for (const Answer& answer : answers.value()) {
        if (answer.isError("NOGROUP")) {
            continue;  // everything was deleted meanwhile
        }
        if (Status status = session_.expect(answer); !status.ok()) {
            return status;
        }
    }
    return {};
}

}  // namespace messaging::worker
