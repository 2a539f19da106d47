// Dies or stops at a named place, in test builds only (MESSAGING_CRASH_POINTS). The
// environment is read at the first passage; any thread may pass.
#include "worker/crash.hpp"

#ifdef MESSAGING_CRASH_POINTS

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

namespace messaging::worker {
namespace {

class Place {
public:
    Place(const char* variable, int signal) : signal_(signal) {
        if (const char* text = std::getenv(variable); text != nullptr) {
            name_ = text;
        }
        const size_t colon = name_.find(':');
        if (colon != std::string::npos) {
            left_ = std::atol(name_.c_str() + colon + 1);
            name_.resize(colon);
        }
    }

    void passed(const char* name) {
        if (name_ == name && --left_ == 0) {
            kill(getpid(), signal_);
        }
    }

private:
    std::string name_;  // empty: nowhere
    std::atomic<long> left_{1};
    const int signal_;
};

}  // namespace

bool crashPointsSet() {
    return std::getenv("MESSAGING_STOP_AT") != nullptr ||
           std::getenv("MESSAGING_CRASH_AT") != nullptr;
}

void crashPoint(const char* name) {
    static Place stop("MESSAGING_STOP_AT", SIGSTOP);
    static Place crash("MESSAGING_CRASH_AT", SIGKILL);
    stop.passed(name);
    crash.passed(name);
}

}  // namespace messaging::worker

#endif
