// `messaging-worker people`: ids, roles and names that a site knows already, so that
// lists have names before anybody signs in.
#pragma once

#include <atomic>
#include <string>

namespace messaging::worker {

// One JSON object a line: {"id", "role"?, "name"?}. The whole file is read first: where
// a line is wrong each such line is named on stderr and nothing is stored. The exit
// status: 0 all is stored, 1 lines are wrong, 2 it could not be done or was stopped.
int loadPeople(const std::string& storeUri, const std::string& site,
               const std::string& path, const std::atomic<bool>& stop);

}  // namespace messaging::worker
