// Which shards a worker takes, keeps and gives away, and who an owner is. Arithmetic
// only; bus_lease.cpp does what comes of it.
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schema/limits.hpp"

namespace messaging::worker {

// --- Who owns

// An owner's id: "PLACE:PID:START". PLACE is one pid namespace of one boot of one host,
// so that a PID means the same process to everybody in it; START is the process's start
// time, because PIDs come again.
struct Owner {
    std::string place;
    long pid = 0;
    std::string start;

    std::string id() const { return place + ":" + std::to_string(pid) + ":" + start; }
};

// Nothing but an empty place where `id` is none.
Owner parseOwner(std::string_view id);

// This process.
Owner thisOwner();

// Whether `id` surely names a process of this place that does not run any more.
bool surelyDead(std::string_view id, const Owner& self);

enum class Fate {
    Lives,   // gave a sign not long ago
    Silent,  // gave none; may be stopped, and go on
    Dead,    // surely
};

// Of an owner, where `living` gave a sign not long ago.
Fate fateOf(const std::string& id, const std::set<std::string>& living,
            const Owner& self);

// --- What to do

enum class Holder {
    Free,   // no lease
    Mine,   // held by this worker, which knows it
    Other,  // held by somebody who may live
    Dead,   // held by somebody who surely does not
};

using Holders = std::array<Holder, limits::kShards>;

struct ShardPlan {
    std::vector<unsigned> take;  // Free or Dead ones, in the order to try
    std::vector<unsigned> give;  // Mine that are more than a fair share
};

// How many shards the worker aims at that stands at `rank` (from 0) among `alive` ones
// in the order of their ids, which all of them know: together all shards, nobody two
// more than another.
unsigned fairShare(size_t alive, size_t rank);

// `offset` spreads the first try of workers that start together.
ShardPlan planShards(const Holders& holders, unsigned share, unsigned offset);

}  // namespace messaging::worker
