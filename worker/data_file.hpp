// Files that say something about a site and are no program: presets of an import,
// demonstration data. Installed with the worker, or anybody's own.
#pragma once

#include <string>

#include "schema/json.hpp"
#include "schema/status.hpp"

namespace messaging::worker {

// Where they are installed.
constexpr const char* kDataFolder = "/usr/share/nginx-messaging";

// `name` with a "/" or a ".json" is a file; any other is FOLDER/KIND/NAME.json.
// InvalidField with a detail for people where there is none or it is no JSON object.
Result<json::Value> readDataFile(const std::string& folder, const std::string& kind,
                                 const std::string& name);

}  // namespace messaging::worker
