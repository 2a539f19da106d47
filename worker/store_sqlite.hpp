// The store in one SQLite file, for one machine. A batch is one transaction, so it
// needs no notes: what was begun and not committed was never there.
#pragma once

#include <memory>
#include <string>

#include "worker/store.hpp"

namespace messaging::worker {

// Not yet opened. open() makes the file, and the last level of its directory.
std::unique_ptr<Store> makeSqliteStore(std::string path);

}  // namespace messaging::worker
