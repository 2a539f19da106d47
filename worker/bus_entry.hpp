// A stream's entry as Redis answers it, for both kinds of commands.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/handler.hpp"
#include "worker/redis.hpp"

namespace messaging::worker {

// The one group of every stream of commands.
constexpr std::string_view kGroup = "workers";

// Whether a read failed because its stream or group is not there, before it or while it
// waited.
bool streamIsGone(const Node& answer);

// Unix milliseconds of TIME's answer.
uint64_t milliseconds(const Node& time);

// Nothing where the entry was deleted, though it was pending. `now` is Redis's clock:
// past its time to live an entry is expired.
std::optional<Delivered> readEntry(const Node& entry, uint64_t now);

}  // namespace messaging::worker
