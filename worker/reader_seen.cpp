// Finds conversations for those who may see them; see the header.
#include "worker/reader_seen.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "schema/text.hpp"

namespace messaging::worker {
namespace {

constexpr const char* kAbsent = "absent";  // not the same as not the caller's, in here

}  // namespace

Status unavailable(const Status& failure) {
    return {Code::StoreUnavailable, failure.detail()};
}

const std::string& viewerOf(const Seen& seen, const Identity& who) {
    return *memberOf(seen.conversation, who);
}

Result<Conversation> findConversation(Store& store, const ConversationRef& ref,
                                      const Identity& caller) {
    Result<std::optional<Conversation>> found = store.conversation(ref);
    if (!found.ok()) {
        return unavailable(found.status());
    }
    if (found.value() && found.value()->isAlias()) {
        found = store.conversation({ref.site, found.value()->forward});
        if (!found.ok()) {
            return unavailable(found.status());
        }
    }
    std::optional<Conversation>& conversation = found.value();
    if (!conversation) {
        return {Code::NotFound, "absent", kAbsent};
    }
    if (memberOf(*conversation, caller) == nullptr) {
        return {Code::NotFound, "not the caller's"};
    }
    return std::move(*conversation);
}

Result<Seen> findSeen(Store& store, const Command& command) {
    const ConversationRef ref{command.who.site, command.conversation};
    Result<Conversation> conversation = findConversation(store, ref, command.who);
    if (!conversation.ok()) {
        return conversation.status();
    }
    Result<std::vector<Membership>> memberships =
        store.memberships({ref.site, conversation->id});
    if (!memberships.ok()) {
        return unavailable(memberships.status());
    }
    return Seen{std::move(conversation.value()), std::move(memberships.value())};
}

ReadOf readRule(const Seen& seen, const std::string& caller) {
    uint64_t others = UINT64_MAX;
    for (const std::string& member : seen.conversation.members) {
        if (member != caller) {
            others = std::min(others, seen.readSeq(member));
        }
    }
    return [mine = seen.readSeq(caller), others, caller](const Message& message) {
        return (message.member == caller ? others : mine) >= message.seq;
    };
}

Result<std::vector<User>> findUsers(Store& store, Presences* presences,
                                    const std::string& site,
                                    const std::vector<std::string>& members) {
    Result<std::vector<User>> users = store.users(site, members);
    if (!users.ok()) {
        return unavailable(users.status());
    }
    if (presences == nullptr) {
        return users;
    }
    // Who only looks on is known by nothing but that.
    std::set<std::string> known;
    for (const User& user : users.value()) {
        known.insert(user.id);
    }
    for (const std::string& member : members) {
        if (known.count(member) == 0 && teamRole(member).empty()) {
            users->push_back({site, member, {}, {}});
        }
    }
    presences->find(&users.value());
    return users;
}

bool isAbsent(const Status& failure) {
    return failure.code() == Code::NotFound && failure.field() == kAbsent;
}

}  // namespace messaging::worker
