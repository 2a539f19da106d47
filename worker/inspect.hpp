// `messaging-worker check`: whether the numbers in memberships are those that follow
// from the messages, which are the truth.
#pragma once

#include <atomic>
#include <string>

#include "schema/status.hpp"

namespace messaging::worker {

// Prints a line for each membership that differs and a summary, to stdout. The exit
// status: 0 none differs or all were repaired, 1 some differ, 2 it could not be told.
int inspect(const std::string& storeUri, bool repair, const std::atomic<bool>& stop);

}  // namespace messaging::worker
