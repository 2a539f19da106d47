// Names of everything in Redis, and ids that are derived rather than drawn. Pure.
// schema/README.md tells what each key holds and why.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/limits.hpp"

namespace messaging {

// Whether this may be an installation's prefix, and what to say where it may not.
// Braces would be Redis Cluster's hash tag in place of ours.
bool validPrefix(std::string_view prefix);
extern const char* const kPrefixRule;

// Digits of Redis's run_id (it has 40) that name a run: enough that no two agree.
constexpr size_t kRunDigits = 16;

// A conversation's shard, 0 … kShards-1. By its id alone, so that every program agrees.
unsigned shardOf(std::string_view conversationId);

// The id of the conversation of these members (any order, doubles allowed) in this
// context (both empty: none). The same arguments always give the same id: get-or-create
// cannot race.
std::string directId(std::string_view site, std::vector<std::string> members,
                     std::string_view contextType, std::string_view contextId);

// The id of the ticket that this user opens under this idempotency key: each key is
// another ticket, and a repeat finds the one that it made.
std::string ticketId(std::string_view site, std::string_view user,
                     std::string_view key);

// One member's inbox: 32 hexadecimal digits, whatever characters the member's id has.
std::string inboxId(std::string_view site, std::string_view member);

// An installation's keys. `prefix` keeps installations on one Redis apart; pub/sub
// channels carry it too, because pub/sub knows no database number.
class Keys {
public:
    explicit Keys(std::string prefix) : prefix_(std::move(prefix)) {}

    std::string commands(unsigned shard) const;  // stream: writes of a shard
    std::string lease(unsigned shard) const;     // string: who owns the shard
    std::string dead(unsigned shard) const;      // stream: dead letters of the shard
    std::string reads() const;                   // stream: reads
    std::string workers() const;                 // zset: live workers by last beat (ms)
    std::string status() const;                  // string: the worker's state, expires
    std::string reply(std::string_view process) const;  // channel of one nginx process
    std::string profile(std::string_view hash) const;   // string: an encoded profile

    std::string revoked() const;  // channel: revocations
    std::string revoke() const;   // list: revocations that a site asks for
    // hash: revocations, as the store has them. `run` as below.
    std::string revocations(std::string_view run) const;

    // Of an inbox. `run` is Redis's run_id: what a Redis with another history holds
    // under another run's name is never read.
    std::string channel(std::string_view inbox) const;
    std::string log(std::string_view inbox, std::string_view run) const;
    std::string badge(std::string_view inbox, std::string_view run) const;
    std::string presence(std::string_view inbox) const;
    std::string rate(std::string_view inbox, std::string_view what) const;

private:
    std::string prefix_;
};

}  // namespace messaging
