// bench-load: the load generator of scripts/bench.
#include <sys/resource.h>

#include "t/bench/loop.hpp"
#include "t/bench/modes.hpp"

namespace {

// A descriptor for each stream, and some.
void allowFiles(int wanted) {
    rlimit limit = {};
    getrlimit(RLIMIT_NOFILE, &limit);
    const auto files = static_cast<rlim_t>(wanted) + 256;
    if (limit.rlim_cur < files) {
        limit.rlim_cur = files;
        limit.rlim_max = limit.rlim_max < files ? files : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            messaging::bench::die("%d open files are not allowed here", wanted);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    using namespace messaging::bench;
    const Options options = parseOptions(argc, argv);
    allowFiles(options.users + options.senders + options.clients);
    if (options.mode == "send") {
        measureSends(options);
    } else if (options.mode == "rest") {
        measureRoutes(options);
    } else if (options.mode == "poll") {
        measurePolls(options);
    } else if (options.mode == "idle") {
        holdStreams(options);
    } else {
        die("unknown mode \"%s\"", options.mode.c_str());
    }
    return 0;
}
