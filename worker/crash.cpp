// Dies at a named place, in test builds only (MESSAGING_CRASH_POINTS). The environment
// is read at the first passage; any thread may pass.
#include "worker/crash.hpp"

#ifdef MESSAGING_CRASH_POINTS

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

namespace messaging::worker {
namespace {

struct CrashAt {
    std::string name;  // empty: nowhere
    long passage = 1;
};

CrashAt wanted() {
    const char* text = std::getenv("MESSAGING_CRASH_AT");
    if (text == nullptr) {
        return {};
    }
    CrashAt at;
    at.name = text;
    const size_t colon = at.name.find(':');
    if (colon != std::string::npos) {
        at.passage = std::atol(at.name.c_str() + colon + 1);
        at.name.resize(colon);
    }
    return at;
}

}  // namespace

void crashPoint(const char* name) {
    static const CrashAt at = wanted();
    static std::atomic<long> passages{0};
    if (at.name == name && ++passages == at.passage) {
        kill(getpid(), SIGKILL);
    }
}

}  // namespace messaging::worker

#endif
