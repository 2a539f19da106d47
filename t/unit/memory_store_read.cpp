// What a store in memory answers: walks over the maps.
#include <algorithm>

#include "schema/text.hpp"
#include "t/unit/memory_store.hpp"

namespace messaging::unit {

using worker::ConversationRef;
using worker::ConversationState;
using worker::ListPlace;

Result<std::optional<Conversation>> MemoryStore::conversation(
    const ConversationRef& ref) {
    if (Status status = failure(enter("conversation")); !status.ok()) {
        return status;
    }
    const auto found = database_.conversations.find(ref);
    return found == database_.conversations.end()
               ? std::optional<Conversation>()
               : std::optional<Conversation>(found->second);
}

Result<std::vector<Conversation>> MemoryStore::conversations(
    const std::vector<ConversationRef>& refs) {
    if (Status status = failure(enter("conversations")); !status.ok()) {
        return status;
    }
    std::vector<Conversation> all;
    for (const ConversationRef& ref : refs) {
        const auto found = database_.conversations.find(ref);
        if (found != database_.conversations.end()) {
            all.push_back(found->second);
        }
    }
    return all;
}

Result<std::vector<Message>> MemoryStore::history(const ConversationRef& ref,
                                                  const HistoryArguments& range) {
    if (Status status = failure(enter("history")); !status.ok()) {
        return status;
    }
    std::vector<Message> all;
    for (const auto& [seq, message] : database_.messages[ref]) {
        if ((!range.after || seq > *range.after) &&
            (!range.before || seq < *range.before)) {
            all.push_back(message);
        }
    }
    if (all.size() > range.limit) {
        if (range.after) {
            all.resize(range.limit);
        } else {
            all.erase(all.begin(), all.end() - range.limit);
        }
    }
    return all;
}

Result<std::vector<Membership>> MemoryStore::memberships(const ConversationRef& ref) {
    if (Status status = failure(enter("memberships")); !status.ok()) {
        return status;
    }
    std::vector<Membership> all;
    for (const auto& [member, membership] : database_.memberships[ref]) {
        all.push_back(membership);
    }
    return all;
}

Result<std::vector<Membership>> MemoryStore::membershipsOf(
    const std::vector<ConversationRef>& refs) {
    if (Status status = failure(enter("membershipsOf")); !status.ok()) {
        return status;
    }
    std::vector<Membership> all;
    for (const ConversationRef& ref : refs) {
        for (const auto& [member, membership] : database_.memberships[ref]) {
            all.push_back(membership);
        }
    }
    return all;
}

Result<std::vector<Message>> MemoryStore::newest(
    const std::vector<ConversationRef>& refs) {
    if (Status status = failure(enter("newest")); !status.ok()) {
        return status;
    }
    std::vector<Message> all;
    for (const ConversationRef& ref : refs) {
        const auto& messages = database_.messages[ref];
        if (!messages.empty()) {
            all.push_back(messages.rbegin()->second);
        }
    }
    return all;
}

Result<worker::Hits> MemoryStore::search(const std::string& site,
                                         const std::vector<std::string>& members,
                                         const worker::SearchRange& range) {
    if (Status status = failure(enter("search")); !status.ok()) {
        return status;
    }
    std::map<std::string, Message> found;  // by place
    for (const auto& [ref, conversation] : database_.conversations) {
        const bool own =
            std::any_of(members.begin(), members.end(), [&](const std::string& member) {
                return std::binary_search(conversation.members.begin(),
                                          conversation.members.end(), member);
            });
        for (const auto& [seq, message] : database_.messages[ref]) {
            std::string place = std::to_string(message.createdAt) + "-" + ref.id + "-" +
                                std::to_string(1000000 + seq);
            if (own && ref.site == site &&
                worker::hasWords(worker::wordsOf(message.content), range.words) &&
                (range.below.empty() || place < range.below)) {
                found.emplace(std::move(place), message);
            }
        }
    }
    worker::Hits hits;
    hits.complete = range.patience.count() > 0;
    for (auto at = found.rbegin(); at != found.rend() && hits.hits.size() < range.limit;
         ++at) {
        hits.hits.push_back({at->second, at->first});
    }
    return hits;
}

namespace {

// Newer in a list.
bool newer(const ListPlace& left, const ListPlace& right) {
    return left.activity != right.activity ? left.activity > right.activity
                                           : left.conversation > right.conversation;
}

bool fits(const Membership& row, const ListFilter& filter) {
    return row.closed == filter.closed.value_or(row.closed) &&
           row.archived == filter.archived.value_or(row.archived) &&
           (row.unread() > 0) == filter.unread.value_or(row.unread() > 0) &&
           (filter.context.type.empty() || filter.context.type == row.context.type) &&
           (filter.context.id.empty() || filter.context.id == row.context.id);
}

ListPlace placeOf(const Membership& membership) {
    return {membership.activity, membership.conversation};
}

}  // namespace

Result<std::vector<Membership>> MemoryStore::list(const std::string& site,
                                                  const std::string& member,
                                                  const worker::ListRange& range) {
    if (Status status = failure(enter("list")); !status.ok()) {
        return status;
    }
    std::vector<Membership> all;
    for (const auto& [ref, rows] : database_.memberships) {
        const auto row = rows.find(member);
        if (ref.site != site || row == rows.end()) {
            continue;
        }
        const ListPlace place = placeOf(row->second);
        if (!fits(row->second, range.filter)) {
            continue;
        }
        if ((!range.below || newer(*range.below, place)) &&
            (!range.above || newer(place, *range.above))) {
            all.push_back(row->second);
        }
    }
    std::sort(all.begin(), all.end(), [](const Membership& a, const Membership& b) {
        return newer(placeOf(a), placeOf(b));
    });
    all.resize(std::min<size_t>(all.size(), range.limit));
    return all;
}

Result<worker::Unread> MemoryStore::unread(const std::string& site,
                                           const std::string& member) {
    if (Status status = failure(enter("unread")); !status.ok()) {
        return status;
    }
    worker::Unread unread;
    for (const auto& [ref, rows] : database_.memberships) {
        const auto row = rows.find(member);
        if (ref.site == site && row != rows.end() && row->second.unread() > 0) {
            unread.count += row->second.unread();
            unread.conversations.emplace_back(ref.id, row->second.unread());
        }
    }
    return unread;
}

Result<std::vector<User>> MemoryStore::users(const std::string& site,
                                             const std::vector<std::string>& ids) {
    if (Status status = failure(enter("users")); !status.ok()) {
        return status;
    }
    std::vector<User> all;
    for (const std::string& id : ids) {
        const auto found = database_.users.find({site, id});
        if (found != database_.users.end()) {
            all.push_back(found->second);
        }
    }
    return all;
}

Result<std::optional<Message>> MemoryStore::messageByKey(const ConversationRef& ref,
                                                         const std::string& sender,
                                                         const std::string& key) {
    if (Status status = failure(enter("messageByKey")); !status.ok()) {
        return status;
    }
    const auto found = database_.keys.find(std::make_tuple(ref, sender, key));
    return found == database_.keys.end()
               ? std::optional<Message>()
               : std::optional<Message>(database_.messages[ref].at(found->second));
}

Result<uint64_t> MemoryStore::ordinalAt(const ConversationRef& ref,
                                        const std::string& member, uint64_t seq) {
    if (Status status = failure(enter("ordinalAt")); !status.ok()) {
        return status;
    }
    uint64_t count = 0;
    for (const auto& [at, message] : database_.messages[ref]) {
        count += at <= seq && message.member == member ? 1 : 0;
    }
    return count;
}

Result<std::map<ConversationRef, ConversationState>> MemoryStore::load(
    const std::vector<ConversationRef>& refs) {
    if (Status status = failure(enter("load")); !status.ok()) {
        return status;
    }
    std::map<ConversationRef, ConversationState> states;
    for (const ConversationRef& ref : refs) {
        const auto found = database_.conversations.find(ref);
        if (found == database_.conversations.end()) {
            continue;
        }
        ConversationState& state = states[ref];
        state.conversation = found->second;
        const auto& messages = database_.messages[ref];
        if (!messages.empty()) {
            const Message& last = messages.rbegin()->second;
            state.lastSeq = last.seq;
            state.lastAt = last.createdAt;
            state.preview = {last.seq, last.sender,
                             preview(last.content, limits::kPreview), last.createdAt};
        }
        // Ordinals are read after lastSeq: a message may come between the two.
        const auto [first, last] = hooks_.equal_range("load between");
        for (auto hook = first; hook != last; ++hook) {
            hook->second();
        }
        for (const auto& [seq, message] : database_.messages[ref]) {
            state.ordinals[message.member] = message.ordinal;
        }
        state.memberships = database_.memberships[ref];
    }
    return states;
}

}  // namespace messaging::unit
