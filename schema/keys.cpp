// What stands in braces is the part that Redis Cluster hashes: keys that one script
// touches share it.
#include "schema/keys.hpp"

#include <algorithm>

#include "schema/hash.hpp"

namespace messaging {
namespace {

constexpr size_t kMaxPrefix = 64;

std::string shardKey(const std::string& prefix, unsigned shard, std::string_view what) {
    return prefix + "{w" + std::to_string(shard) + "}:" + std::string(what);
}

std::string inboxKey(const std::string& prefix, std::string_view inbox,
                     std::string_view what) {
    return prefix + '{' + std::string(inbox) + "}:" + std::string(what);
}

}  // namespace

const char* const kPrefixRule =
    "1 to 64 printable ASCII characters, no space, no braces";

bool validPrefix(std::string_view prefix) {
    return !prefix.empty() && prefix.size() <= kMaxPrefix &&
           std::all_of(prefix.begin(), prefix.end(), [](char c) {
               return c > ' ' && c <= '~' && c != '{' && c != '}';
           });
}

unsigned shardOf(std::string_view conversationId) {
    const std::string hash = digest({"shard", conversationId});
    return static_cast<unsigned>(std::stoul(hash.substr(0, 8), nullptr, 16) %
                                 limits::kShards);
}

std::string directId(std::string_view site, std::vector<std::string> members,
                     std::string_view contextType, std::string_view contextId) {
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    std::vector<std::string_view> parts = {"direct", site, contextType, contextId};
    parts.insert(parts.end(), members.begin(), members.end());
    return digest(parts);
}

std::string ticketId(std::string_view site, std::string_view user,
                     std::string_view key) {
    return digest({"ticket", site, user, key});
}

std::string inboxId(std::string_view site, std::string_view member) {
    return digest({"inbox", site, member});
}

std::string Keys::commands(unsigned shard) const {
    return shardKey(prefix_, shard, "commands");
}

std::string Keys::lease(unsigned shard) const {
    return shardKey(prefix_, shard, "lease");
}

std::string Keys::dead(unsigned shard) const {
    return shardKey(prefix_, shard, "dead");
}

std::string Keys::reads() const {
    return prefix_ + "{reads}:commands";
}

std::string Keys::workers() const {
    return prefix_ + "workers";
}

std::string Keys::status() const {
    return prefix_ + "status";
}

std::string Keys::reply(std::string_view process) const {
    return prefix_ + "reply:" + std::string(process);
}

std::string Keys::profile(std::string_view hash) const {
    return prefix_ + "profile:" + std::string(hash);
}

std::string Keys::revoked() const {
    return prefix_ + "revoked";
}

std::string Keys::revoke() const {
    return prefix_ + "revoke";
}

std::string Keys::revocations(std::string_view run) const {
    return prefix_ + "revocations:" + std::string(run.substr(0, kRunDigits));
}

std::string Keys::channel(std::string_view inbox) const {
    return inboxKey(prefix_, inbox, "live");
}

std::string Keys::log(std::string_view inbox, std::string_view run) const {
    return inboxKey(prefix_, inbox, "log:") + std::string(run.substr(0, kRunDigits));
}

std::string Keys::badge(std::string_view inbox, std::string_view run) const {
    return inboxKey(prefix_, inbox, "badge:") + std::string(run.substr(0, kRunDigits));
}

std::string Keys::presence(std::string_view inbox) const {
    return inboxKey(prefix_, inbox, "presence");
}

std::string Keys::rate(std::string_view inbox, std::string_view what) const {
    return inboxKey(prefix_, inbox, "rate:") + std::string(what);
}

}  // namespace messaging
