// The reads that tell others something and store nothing: who types, who came or went.
#pragma once

#include <vector>

#include "worker/reader_seen.hpp"

namespace messaging::worker {

// To those of the others who look now. Who types is told by nothing but this.
Answer sayTyping(Store& store, const Command& command,
                 std::vector<Publication>* whispers);

// Those with whom one shares one of one's newest conversations hear that one came or
// went.
Answer sayPresence(Store& store, const Command& command,
                   std::vector<Publication>* whispers);

}  // namespace messaging::worker
