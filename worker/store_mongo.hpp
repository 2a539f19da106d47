// The store in MongoDB: standalone, replica set or sharded. No transaction and no
// change stream is needed; the unique indexes alone keep the order
// (schema/mongodb.json).
#pragma once

#include <memory>
#include <string>

#include "schema/status.hpp"
#include "worker/store.hpp"

namespace messaging::worker {

// Not yet opened. InvalidField where libmongoc does not take the URI.
Result<std::unique_ptr<Store>> makeMongoStore(const std::string& uri);

}  // namespace messaging::worker
