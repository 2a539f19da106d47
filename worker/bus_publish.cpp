// What a batch wants said, and the end of its entries. An event that cannot be logged,
// or that nobody knows any more, must not be missed in silence: then the log goes, and
// whoever follows it is told so.
#include "worker/bus.hpp"
#include "worker/bus_entry.hpp"
#include "worker/bus_scripts.hpp"
#include "worker/crash.hpp"

#include <iterator>
#include <map>

namespace messaging::worker {

Status Bus::say(Effects effects, const std::vector<Delivered>& entries) {
    if (Status status = hear(); !status.ok()) {
        publications_.insert(publications_.end(),
                             std::make_move_iterator(effects.publications.begin()),
                             std::make_move_iterator(effects.publications.end()));
        return status;
    }
    if (effects.publications.empty() && effects.replies.empty() && entries.empty()) {
        return {};
    }
    // They are a command's, not those of what is rolled forward.
    const bool crashPoints = crashPointsSet() && !entries.empty();
    unheard_ = true;
    publications_ = std::move(effects.publications);
    replies_ = effects.replies.size();
    for (const Publication& publication : publications_) {
        appendPublication(publication, publication.events.empty());
    }
    if (crashPoints) {
        if (Status status = arrive(); !status.ok()) {
            return status;
        }
        crashPoint("after-log");
    }
    for (const auto& [channel, reply] : effects.replies) {
        voice_.redis().append({"PUBLISH", channel, encodeReply(reply)});
    }
    if (crashPoints) {
        if (Status status = arrive(); !status.ok()) {
            return status;
        }
        crashPoint("after-publish");
        crashPoint("before-ack");
    }
    appendAcknowledgement(entries);
    return voice_.redis().send();
}

// Its events, or where it is `lost` that there were some.
void Bus::appendPublication(const Publication& publication, bool lost) {
    const std::string inbox = inboxId(publication.site, publication.member);
    const std::string log = keys_.log(inbox, session_.run());
    const std::string badge = keys_.badge(inbox, session_.run());
    const std::string channel = keys_.channel(inbox);
    if (lost) {
        voice_.script(kLose, {log, badge}, {channel});
        return;
    }
    const std::string events = encodeEvents(publication.events);
    const std::string length = std::to_string(limits::kLogEvents);
    voice_.script(kPublish, {log, badge}, {channel, events, length});
}

void Bus::appendAcknowledgement(const std::vector<Delivered>& entries) {
    std::map<unsigned, Arguments> shards;
    for (const Delivered& entry : entries) {
        shards[entry.shard].push_back(entry.entry);
    }
    // Deleted first: a pending entry that is gone is found and acknowledged, one that
    // is acknowledged and still there would stay for ever.
    for (const auto& [shard, ids] : shards) {
        const std::string stream = keys_.commands(shard);
        Arguments remove{"XDEL", stream};
        remove.insert(remove.end(), ids.begin(), ids.end());
        voice_.redis().append(remove);
        Arguments settle{"XACK", stream, kGroup};
        settle.insert(settle.end(), ids.begin(), ids.end());
        voice_.redis().append(settle);
    }
}

// What was appended has arrived when this returns.
Status Bus::arrive() {
    auto answers = voice_.redis().flush();
    if (!answers.ok()) {
        return answers.status();
    }
    arrived_.insert(arrived_.end(), std::make_move_iterator(answers->begin()),
                    std::make_move_iterator(answers->end()));
    return {};
}

Status Bus::hear() {
    if (!unheard_) {
        return {};
    }
    Status status = arrive();
    const Answers answers = std::exchange(arrived_, {});
    if (!status.ok()) {
        return status;
    }
    std::vector<const Publication*> failed;
    for (size_t i = 0; i < answers.size(); ++i) {
        if (!answers[i].isError()) {
            continue;
        }
        const bool said = i < publications_.size() + replies_;
        if (!said && answers[i].isError("NOGROUP")) {
            continue;  // everything was deleted meanwhile
        }
        if (!said || answers[i].isError("NOSCRIPT")) {
            return voice_.expect(answers[i]);
        }
        voice_.complain(answers[i]);
        if (i < publications_.size()) {
            failed.push_back(&publications_[i]);
        }
    }
    status = healLogs(failed);
    if (status.ok()) {
        publications_.clear();
        unheard_ = false;
    }
    return status;
}

Status Bus::healLogs(const std::vector<const Publication*>& failed) {
    for (const Publication* publication : failed) {
        appendPublication(*publication, true);
    }
    auto answers = voice_.redis().flush();
    if (!answers.ok()) {
        return answers.status();
    }
    for (const Answer& answer : answers.value()) {
        if (Status status = voice_.expect(answer); !status.ok()) {
            return status;
        }
    }
    return {};
}

std::vector<Publication> Bus::takeUnheard() {
    unheard_ = false;
    arrived_.clear();
    return std::exchange(publications_, {});
}

}  // namespace messaging::worker
