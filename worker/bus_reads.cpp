// The nonce in a badge's place is what makes caching safe: a change that comes after
// the store was read deletes it, and then the value that was read is not stored.
#include "worker/bus_reads.hpp"

#include <algorithm>
#include <random>

#include "schema/text.hpp"

#include "worker/bus_entry.hpp"

namespace messaging::worker {

namespace {

enum ReadScript { kBadge };

constexpr std::string_view kReadCount = "16";
constexpr std::string_view kNonceSeconds = "10";
constexpr std::string_view kBadgeSeconds = "60";

// Starts with what no cached answer starts with.
std::string makeNonce() {
    constexpr char kDigits[] = "0123456789abcdef";
    std::random_device random;
    std::string nonce = "?";
    for (int word = 0; word < 4; ++word) {
        uint32_t bits = random();
        for (int digit = 0; digit < 8; ++digit, bits >>= 4) {
            nonce += kDigits[bits & 15];
        }
    }
    return nonce;
}

}  // namespace

ReadBus::ReadBus(RedisOptions options, Keys keys, std::string consumer)
    : session_(std::move(options), {kBadgeScript}),
      keys_(std::move(keys)),
      consumer_(std::move(consumer)) {}

Status ReadBus::makeGroup() {
    auto answer = session_.redis().call(
        {"XGROUP", "CREATE", keys_.reads(), kGroup, "0", "MKSTREAM"});
    if (!answer.ok()) {
        return answer.status();
    }
    return answer->isError("BUSYGROUP") ? Status() : session_.tolerate(answer.value());
}

Result<std::vector<Delivered>> ReadBus::read(std::chrono::milliseconds block) {
    session_.redis().append({"XREADGROUP", "GROUP", kGroup, consumer_, "COUNT",
                             kReadCount, "BLOCK", std::to_string(block.count()),
                             "NOACK", "STREAMS", keys_.reads(), ">"});
    session_.redis().append({"TIME"});
    auto answers = session_.redis().flush();
    if (!answers.ok()) {
        return answers.status();
    }
    std::vector<Delivered> reads;
    const Answer& found = answers.value()[0];
    if (streamIsGone(found)) {
        Status made = makeGroup();
        return made.ok() ? Result<std::vector<Delivered>>(std::move(reads)) : made;
    }
    if (Status status = session_.expect(found); !status.ok()) {
        return status;
    }
    const uint64_t now = milliseconds(answers.value()[1]);
    const Node entries = found[0][1];
    for (size_t i = 0; i < entries.size(); ++i) {
        if (auto delivered = readEntry(entries[i], now)) {
            reads.push_back(std::move(*delivered));
        }
    }
    Status filled = profiles_.fill(session_.redis(), keys_, reads.data(), reads.size());
    return filled.ok() ? Result<std::vector<Delivered>>(std::move(reads)) : filled;
}

Result<std::string> ReadBus::reserveBadge(const std::string& site,
                                          const std::string& member) {
    const std::string badge = keys_.badge(inboxId(site, member), session_.run());
    std::string nonce = makeNonce();
    auto answer =
        session_.redis().call({"SET", badge, nonce, "NX", "EX", kNonceSeconds});
    if (!answer.ok()) {
        return answer.status();
    }
    if (Status status = session_.tolerate(answer.value()); !status.ok()) {
        return status;
    }
    return answer->text() == "OK" ? std::move(nonce) : std::string();
}

// Of a person: a hash of when each nginx process last saw them, "last" for all.
void ReadBus::findPresences(std::vector<User>* users) {
    const size_t count = std::min(users->size(), limits::kMaxPresences);
    session_.redis().append({"TIME"});
    for (size_t i = 0; i < count; ++i) {
        const User& user = (*users)[i];
        session_.redis().append(
            {"HGETALL", keys_.presence(inboxId(user.site, user.id))});
    }
    const auto answers = session_.redis().flush();
    if (!answers.ok()) {
        return;
    }
    const uint64_t now = milliseconds(answers.value()[0]);
    for (size_t i = 0; i < count; ++i) {
        const Answer& seen = answers.value()[i + 1];
        User& user = (*users)[i];
        for (size_t k = 0; !seen.isError() && k + 1 < seen.size(); k += 2) {
            const uint64_t at = parseUnsigned(seen[k + 1].text()).value_or(0);
            if (at == 0 || at > now) {
                continue;  // by another clock
            }
            user.lastSeen = std::max(user.lastSeen, at);
            const bool here =
                seen[k].text() != "last" && now - at < limits::kAbsentMilliseconds;
            user.online = here || user.online.value_or(false);
        }
    }
}

void ReadBus::whisper(const Publication& publication) {
    session_.redis().append(
        {"PUBLISH", keys_.channel(inboxId(publication.site, publication.member)),
         encodeWhisper(publication.events)});
}

void ReadBus::answer(const Delivered& read, const Reply& reply,
                     const std::string& nonce) {
    if (!read.command.reply.empty()) {
        session_.redis().append({"PUBLISH", read.command.reply, encodeReply(reply)});
    }
    if (!nonce.empty() && reply.code == Code::Ok) {
        const std::string inbox =
            inboxId(read.command.who.site, countedMember(read.command));
        session_.script(kBadge, {keys_.badge(inbox, session_.run())},
                        {nonce, reply.body, kBadgeSeconds});
    }
    drop(read);
}

void ReadBus::drop(const Delivered& read) {
    session_.redis().append({"XDEL", keys_.reads(), read.entry});
}

Status ReadBus::flush() {
    auto answers = session_.redis().flush();
    if (!answers.ok()) {
        return answers.status();
    }
    for (const Answer& answer : answers.value()) {
        if (answer.isError("NOSCRIPT")) {
            return session_.expect(answer);
        }
        if (answer.isError()) {
            session_.complain(answer);
        }
    }
    return {};
}

}  // namespace messaging::worker
