// The read `search`: messages by their words.
#pragma once

#include <string>

#include "schema/wire.hpp"
#include "worker/store.hpp"

namespace messaging::worker {

// The answer's body. InvalidCursor, SearchTimeout; StoreUnavailable.
Result<std::string> showSearch(Store& store, const Command& command);

}  // namespace messaging::worker
