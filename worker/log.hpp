// The worker's log: lines on stderr, fit for journald or for a terminal. Never a
// message's text, a token or a store's URI.
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace messaging::worker {

// `level`: debug, info, warning or error.
std::shared_ptr<spdlog::logger> makeLogger(const std::string& level);

}  // namespace messaging::worker
