// From a stream into a batch, and what comes again. XPENDING looks without counting;
// XCLAIM counts, and does so before the entry runs, so that one which kills its worker
// is counted.
#include "worker/bus.hpp"
#include "worker/bus_entry.hpp"

#include <utility>

#include "schema/text.hpp"

namespace messaging::worker {

namespace {

// One name for all owners of a shard: what one leaves pending is the next one's.
constexpr std::string_view kConsumer = "owner";
// Entries of one stream in one read. With every shard full, what is read and not yet
// run is a second's work, and comes again one by one if this worker dies.
constexpr std::string_view kReadCount = "64";
constexpr std::string_view kPendingCount = "64";
// Longer than any batch that is still at work.
constexpr std::string_view kNeglectedAfter = "5000";
constexpr std::string_view kDeadLetters = "1000";

}  // namespace

bool streamIsGone(const Node& answer) {
    return answer.isError("NOGROUP") || answer.isError("UNBLOCKED");
}

uint64_t milliseconds(const Node& time) {
    auto seconds = parseUnsigned(time[0].text());
    auto microseconds = parseUnsigned(time[1].text());
    return seconds.value_or(0) * 1000 + microseconds.value_or(0) / 1000;
}

std::optional<Delivered> readEntry(const Node& entry, uint64_t now) {
    const Node fields = entry[1];
    auto id = parseLogId(entry[0].text());
    if (!id || fields.size() == 0) {
        return std::nullopt;
    }
    Fields pairs;
    for (size_t i = 0; i + 1 < fields.size(); i += 2) {
        pairs.emplace_back(fields[i].text(), fields[i + 1].text());
    }
    Delivered delivered;
    delivered.entry = std::string(entry[0].text());
    delivered.at = id->milliseconds;
    auto command = decodeCommand(pairs, &delivered.command);
    if (command.ok()) {
        delivered.command = std::move(command.value());
    } else {
        delivered.status = command.status();
    }
    delivered.expired = delivered.at + delivered.command.ttl < now;
    return delivered;
}

Status Bus::makeGroups(const std::vector<unsigned>& shards) {
    for (unsigned shard : shards) {
        session_.redis().append(
            {"XGROUP", "CREATE", keys_.commands(shard), kGroup, "0", "MKSTREAM"});
    }
    auto answers = exchange();
    if (!answers.ok()) {
        return answers.status();
    }
    for (const Answer& answer : answers.value()) {
        if (answer.isError("BUSYGROUP")) {
            continue;
        }
        if (Status status = session_.tolerate(answer); !status.ok()) {
            return status;
        }
    }
    return {};
}

Status Bus::ask(const std::vector<unsigned>& shards, std::chrono::milliseconds block) {
    asked_.clear();
    for (unsigned shard : shards) {
        asked_.emplace(keys_.commands(shard), shard);
    }
    const std::string patience = std::to_string(block.count());
    Arguments command{"XREADGROUP", "GROUP", kGroup, kConsumer, "COUNT", kReadCount};
    if (block.count() > 0) {  // 0 would mean for ever
        command.push_back("BLOCK");
        command.push_back(patience);
    }
    command.push_back("STREAMS");
    for (const auto& stream : asked_) {
        command.push_back(stream.first);
    }
    command.insert(command.end(), asked_.size(), ">");
    ear_.redis().append(command);
    ear_.redis().append({"TIME"});
    return ear_.redis().send();
}

Result<std::vector<Delivered>> Bus::take() {
    const auto streams = std::exchange(asked_, {});
    auto answers = ear_.redis().flush();
    if (!answers.ok()) {
        return answers.status();
    }
    std::vector<Delivered> batch;
    const Answer& found = answers.value()[0];
    if (streamIsGone(found)) {
        std::vector<unsigned> shards;
        for (const auto& stream : streams) {
            shards.push_back(stream.second);
        }
        Status made = makeGroups(shards);
        return made.ok() ? Result<std::vector<Delivered>>(std::move(batch)) : made;
    }
    if (Status status = ear_.expect(found); !status.ok()) {
        return status;
    }
    const uint64_t now = milliseconds(answers.value()[1]);
    for (size_t i = 0; i < found.size(); ++i) {
        auto stream = streams.find(found[i][0].text());
        const Node entries = found[i][1];
        for (size_t k = 0; stream != streams.end() && k < entries.size(); ++k) {
            if (auto delivered = readEntry(entries[k], now)) {
                delivered->shard = stream->second;
                batch.push_back(std::move(*delivered));
            }
        }
    }
    Status filled = profiles_.fill(session_.redis(), keys_, batch.data(), batch.size());
    return filled.ok() ? Result<std::vector<Delivered>>(std::move(batch)) : filled;
}

Result<std::vector<Pending>> Bus::pending(unsigned shard) {
    auto answer = session_.redis().call(
        {"XPENDING", keys_.commands(shard), kGroup, "-", "+", kPendingCount});
    if (!answer.ok()) {
        return answer.status();
    }
    std::vector<Pending> found;
    if (answer->isError("NOGROUP")) {
        return found;
    }
    if (Status status = session_.expect(answer.value()); !status.ok()) {
        return status;
    }
    for (size_t i = 0; i < answer->size(); ++i) {
        const Node row = answer.value()[i];  // id, consumer, idle time, deliveries
        found.push_back(
            {std::string(row[0].text()), static_cast<unsigned>(row[3].integer())});
    }
    return found;
}

Result<std::vector<unsigned>> Bus::neglected(const std::vector<unsigned>& shards) {
    for (unsigned shard : shards) {
        session_.redis().append({"XPENDING", keys_.commands(shard), kGroup, "IDLE",
                                 kNeglectedAfter, "-", "+", "1"});
    }
    auto answers = exchange();
    if (!answers.ok()) {
        return answers.status();
    }
    std::vector<unsigned> found;
    for (size_t i = 0; i < shards.size(); ++i) {
        if (answers.value()[i].size() > 0) {
            found.push_back(shards[i]);
        }
    }
    return found;
}

Result<std::optional<Delivered>> Bus::claim(unsigned shard, const Pending& pending) {
    const std::string stream = keys_.commands(shard);
    session_.redis().append({"XCLAIM", stream, kGroup, kConsumer, "0", pending.entry});
    session_.redis().append({"TIME"});
    auto answers = exchange();
    if (!answers.ok()) {
        return answers.status();
    }
    if (Status status = session_.expect(answers.value()[0]); !status.ok()) {
        return status;
    }
    auto delivered = readEntry(answers.value()[0][0], milliseconds(answers.value()[1]));
    if (delivered) {
        delivered->shard = shard;
        delivered->redelivered = true;
        Status filled = profiles_.fill(session_.redis(), keys_, &*delivered, 1);
        return filled.ok() ? Result<std::optional<Delivered>>(std::move(delivered))
                           : filled;
    }
    // Deleted, but a crash came before its acknowledgement.
    auto gone = session_.redis().call({"XACK", stream, kGroup, pending.entry});
    if (!gone.ok()) {
        return gone.status();
    }
    return delivered;
}

Status Bus::uncount(unsigned shard, const Pending& pending) {
    auto answer = session_.redis().call({"XCLAIM", keys_.commands(shard), kGroup,
                                         kConsumer, "0", pending.entry, "RETRYCOUNT",
                                         std::to_string(pending.deliveries), "JUSTID"});
    return answer.ok() ? session_.expect(answer.value()) : answer.status();
}

Result<std::string> Bus::bury(unsigned shard, const Pending& pending,
                              std::string_view reason) {
    const std::string stream = keys_.commands(shard);
    auto range =
        session_.redis().call({"XRANGE", stream, pending.entry, pending.entry});
    if (!range.ok()) {
        return range.status();
    }
    if (Status status = session_.expect(range.value()); !status.ok()) {
        return status;
    }
    const Node entry = range.value()[0];
    auto delivered = readEntry(entry, 0);
    if (delivered) {
        const std::string dead = keys_.dead(shard);
        Arguments letter{"XADD", dead, "MAXLEN", "~", kDeadLetters, "*"};
        for (size_t i = 0; i < entry[1].size(); ++i) {
            letter.push_back(entry[1][i].text());
        }
        letter.insert(letter.end(), {"entry", pending.entry, "reason", reason});
        auto put = session_.redis().call(letter);
        if (!put.ok()) {
            return put.status();
        }
        if (Status status = session_.expect(put.value()); !status.ok()) {
            return status;
        }
        delivered->shard = shard;
    } else {
        delivered.emplace();
        delivered->shard = shard;
        delivered->entry = pending.entry;
    }
    Effects effects;
    if (!delivered->command.reply.empty()) {
        Reply reply;
        reply.id = delivered->command.id;
        reply.code = Code::Internal;
        effects.replies.emplace_back(delivered->command.reply, reply);
    }
    Status said = say(std::move(effects), {*delivered});
    if (said.ok()) {
        said = hear();
    }
    return said.ok() ? Result<std::string>(delivered->command.id) : said;
}

}  // namespace messaging::worker
