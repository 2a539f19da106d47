// Memberships recomputed from messages, which are the truth: for the writer, for
// recovery and for `check`.
#pragma once

#include <map>
#include <vector>

#include "schema/status.hpp"
#include "worker/store.hpp"

namespace messaging::worker {

using States = std::map<ConversationRef, ConversationState>;

// Store::load with ordinals that belong to lastSeq: a message that slipped in after
// lastSeq was read is not counted, so that sent and lastSeq can be stored together.
Result<States> loadExact(Store& store, const std::vector<ConversationRef>& refs);

// What each member's membership should be. Members that should have none are left out.
// Read positions are kept, clamped to the messages there are.
Result<std::vector<Membership>> recompute(Store& store, const ConversationState& state);

// Whether a change with this mark is one of its last.
bool made(const std::string& mark, const Conversation& conversation);

// What lists are filtered by.
void copyState(const Conversation& conversation, Membership* membership);

// Whether two memberships say the same.
bool same(const Membership& left, const Membership& right);

}  // namespace messaging::worker
