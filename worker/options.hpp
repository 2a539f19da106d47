// What an operator can say to the worker: on the command line, in a configuration file
// (--config) and in the environment (MESSAGING_…), the first of these winning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "worker/redis.hpp"

namespace messaging::worker {

struct Options {
    enum class Action { Run, Check, Revoke };

    Action action = Action::Run;
    RedisOptions redis;
    std::string prefix = "messaging:";
    std::string store = "sqlite:/var/lib/messaging/messaging.db";
    unsigned readers = 2;
    std::string logLevel = "info";
    bool repair = false;  // of check
    // Of revoke: whose sign-in, and for how many seconds.
    std::string site = "default";
    std::string user;
    std::string session;
    uint64_t lasts = 0;
};

// Either options, or what to print and the status to exit with: 0 for --help and
// --version, 1 for an option that is wrong; the text names it.
struct ParsedOptions {
    std::optional<Options> options;
    std::string text;
    int exitStatus = 0;
};

ParsedOptions parseOptions(int argc, const char* const* argv);

// "HOST:PORT", "[IPv6]:PORT", "HOST" or "unix:PATH" into `redis`; false for anything
// else.
bool parseEndpoint(const std::string& text, RedisOptions* redis);

}  // namespace messaging::worker
