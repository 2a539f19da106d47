// All suites, one line each: SUITE(x) stands for `Suite* xSuite();` in
// t/unit/x_test.cpp.
#pragma once

#include <check.h>

#define MESSAGING_SUITES(SUITE) \
    SUITE(alias)                \
    SUITE(backoff)              \
    SUITE(badge)                \
    SUITE(batch)                \
    SUITE(change)               \
    SUITE(chaos)                \
    SUITE(cookie)               \
    SUITE(drain)                \
    SUITE(drift)                \
    SUITE(fill)                 \
    SUITE(fold)                 \
    SUITE(handler)              \
    SUITE(hash)                 \
    SUITE(hub)                  \
    SUITE(hub_loss)             \
    SUITE(hub_team)             \
    SUITE(import_mapping)       \
    SUITE(json)                 \
    SUITE(keys)                 \
    SUITE(language)             \
    SUITE(model)                \
    SUITE(model_profile)        \
    SUITE(options)              \
    SUITE(origin)               \
    SUITE(pending)              \
    SUITE(presence)             \
    SUITE(problem)              \
    SUITE(profile)              \
    SUITE(profile_block)        \
    SUITE(profile_confirm)      \
    SUITE(profile_rules)        \
    SUITE(rate)                 \
    SUITE(reader)               \
    SUITE(recovery)             \
    SUITE(redelivery)           \
    SUITE(revocation)           \
    SUITE(revoker)              \
    SUITE(route)                \
    SUITE(shards)               \
    SUITE(sse)                  \
    SUITE(store_change)         \
    SUITE(store_contract)       \
    SUITE(store_many)           \
    SUITE(store_membership)     \
    SUITE(store_revocation)     \
    SUITE(store_search)         \
    SUITE(store_sqlite)         \
    SUITE(team)                 \
    SUITE(text)                 \
    SUITE(thread)               \
    SUITE(token)                \
    SUITE(token_hostile)        \
    SUITE(token_jwks)           \
    SUITE(token_key)            \
    SUITE(token_session)        \
    SUITE(whom)                 \
    SUITE(wire)                 \
    SUITE(words)

namespace messaging::unit {

#define DECLARE_SUITE(name) Suite* name##Suite();
MESSAGING_SUITES(DECLARE_SUITE)
#undef DECLARE_SUITE

}  // namespace messaging::unit
