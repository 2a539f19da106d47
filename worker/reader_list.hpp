// The read `list`: the caller's conversations, newest activity first, in pages.
#pragma once

#include "worker/reader_seen.hpp"

namespace messaging::worker {

// `messages`: each with its newest one in full.
Answer showList(Store& store, Presences* presences, const Command& command,
                bool messages);

}  // namespace messaging::worker
