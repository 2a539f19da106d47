// What one run of bench-load measures, from its command line.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace messaging::bench {

struct Options {
    std::string mode;                  // send, rest, poll, idle
    std::string target = "messaging";  // or nchan
    std::string prefix = "/api/messages";
    std::string path;  // poll: another path than the badge's
    std::string key;   // file of the HS256 secret
    int port = 0;
    int users = 5000;   // each with a stream of their own, where streams are open
    int senders = 16;   // people who write, on a connection each
    int clients = 64;   // poll: connections
    int fill = 50;      // rest: messages in each conversation
    double warmup = 2;  // seconds before those that count
    double seconds = 10;
    double rate = 0;     // requests a second on a fixed schedule; 0: closed loop
    bool http2 = false;  // idle: a connection of HTTP/2 for each stream
    std::vector<std::pair<std::string, int>> watch;  // processes whose CPU is told
};

// The program ends with its usage where the arguments are wrong.
Options parseOptions(int argc, char** argv);

}  // namespace messaging::bench
