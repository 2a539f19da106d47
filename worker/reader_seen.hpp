// A conversation as its members see it, for the reads of it: only they find it. Nothing
// is kept.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/model.hpp"
#include "schema/wire.hpp"
#include "worker/handler.hpp"
#include "worker/reader_page.hpp"
#include "worker/store.hpp"

namespace messaging::worker {

// A body, or why there is none.
using Answer = Result<std::string>;

// Of a store: a read that failed has written nothing, whatever went wrong.
Status unavailable(const Status& failure);

// What a conversation's members see of it.
struct Seen {
    Conversation conversation;
    std::vector<Membership> memberships;

    const Membership* of(const std::string& member) const {
        for (const Membership& membership : memberships) {
            if (membership.member == member) {
                return &membership;
            }
        }
        return nullptr;
    }
    uint64_t readSeq(const std::string& member) const {
        const Membership* membership = of(member);
        return membership == nullptr ? 0 : membership->readSeq;
    }
};

// The member as which somebody sees a conversation of theirs.
const std::string& viewerOf(const Seen& seen, const Identity& who);

// NotFound: it is not there (see isAbsent), or not the caller's. An alias is what it
// means.
Result<Conversation> findConversation(Store& store, const ConversationRef& ref,
                                      const Identity& caller);
Result<Seen> findSeen(Store& store, const Command& command);
bool isAbsent(const Status& failure);

// What the caller sees as read: of their own messages what all others read, of the
// others' what they read themselves.
ReadOf readRule(const Seen& seen, const std::string& caller);

// These members, as they are known and whether they are there.
Result<std::vector<User>> findUsers(Store& store, Presences* presences,
                                    const std::string& site,
                                    const std::vector<std::string>& members);

}  // namespace messaging::worker
