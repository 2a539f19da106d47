// Named places at which a test build kills its own process, once, as kill -9 would:
// MESSAGING_CRASH_AT=NAME[:N] dies at the N-th passage (default 1), MESSAGING_STOP_AT
// stops there until SIGCONT. In other builds, nothing.
#pragma once

namespace messaging::worker {

#ifdef MESSAGING_CRASH_POINTS
void crashPoint(const char* name);
// Whether any is set: only then a place between two bytes of one pipeline is worth a
// round trip.
bool crashPointsSet();
#else
inline void crashPoint(const char*) {}
constexpr bool crashPointsSet() {
    return false;
}
#endif

}  // namespace messaging::worker
