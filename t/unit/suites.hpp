// All suites, one line each: SUITE(x) stands for `Suite* xSuite();` in
// t/unit/x_test.cpp.
#pragma once

#include <check.h>

#define MESSAGING_SUITES(SUITE) \
    SUITE(handler)              \
    SUITE(hash)                 \
    SUITE(json)                 \
    SUITE(keys)                 \
    SUITE(model)                \
    SUITE(problem)              \
    SUITE(text)                 \
    SUITE(wire)

namespace messaging::unit {

#define DECLARE_SUITE(name) Suite* name##Suite();
MESSAGING_SUITES(DECLARE_SUITE)
#undef DECLARE_SUITE

}  // namespace messaging::unit
