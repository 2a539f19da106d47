// What bench-load can measure. Each prints one line of JSON on stdout.
#pragma once

#include "t/bench/options.hpp"

namespace messaging::bench {

// Messages to users with open streams: throughput in a closed loop, or latency at a
// rate.
void measureSends(const Options& options);

// Latency of each route of the messaging API at a rate, one after the other.
void measureRoutes(const Options& options);

// Requests a second to one path, by the tokens of many users: the badge by default.
void measurePolls(const Options& options);

// Opens a stream for each user and holds them until stdin ends.
void holdStreams(const Options& options);

}  // namespace messaging::bench
