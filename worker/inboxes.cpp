// Two indexed lists read one after the other. A conversation can move between the two
// reads, so whoever walks on keeps the newest place of each (cursor.hpp).
#include "worker/inboxes.hpp"

#include <algorithm>
#include <iterator>

#include "schema/json.hpp"

namespace messaging::worker {
namespace {

// Conversations that are read at once to find whose they are.
constexpr size_t kAtOnce = 100;

bool newer(const Membership& left, const Membership& right) {
    return left.activity != right.activity ? left.activity > right.activity
                                           : left.conversation > right.conversation;
}

std::optional<ListPlace> newest(const std::vector<Membership>& rows) {
    return rows.empty() ? std::nullopt : std::optional(placeOf(rows.front()));
}

bool isMember(const Conversation& conversation, const std::string& id) {
    return std::find(conversation.members.begin(), conversation.members.end(), id) !=
           conversation.members.end();
}

// Of these conversations, the ones in which the user takes part as themselves.
Result<std::vector<std::string>> ownOf(
    Store& store, const Identity& who,
    const std::vector<std::pair<std::string, uint64_t>>& counted) {
    std::vector<std::string> own;
    for (size_t from = 0; from < counted.size(); from += kAtOnce) {
        std::vector<ConversationRef> refs;
        for (size_t i = from; i < std::min(from + kAtOnce, counted.size()); ++i) {
            refs.push_back({who.site, counted[i].first});
        }
        const Result<std::vector<Conversation>> found = store.conversations(refs);
        if (!found.ok()) {
            return found.status();
        }
        for (const Conversation& conversation : found.value()) {
            if (isMember(conversation, who.user)) {
                own.push_back(conversation.id);
            }
        }
    }
    std::sort(own.begin(), own.end());
    return own;
}

}  // namespace

ListPlace placeOf(const Membership& membership) {
    return {membership.activity, membership.conversation};
}

Result<Places> listBoth(Store& store, const Identity& who, const ListRange& own,
                        const ListRange& team) {
    Result<std::vector<Membership>> mine = store.list(who.site, who.user, own);
    if (!mine.ok()) {
        return mine.status();
    }
    Places places;
    places.own = newest(mine.value());
    if (who.team.empty()) {
        places.rows = std::move(mine.value());
        return places;
    }
    Result<std::vector<Membership>> theirs = store.list(who.site, who.team, team);
    if (!theirs.ok()) {
        return theirs.status();
    }
    places.team = newest(theirs.value());
    std::merge(
        std::make_move_iterator(mine->begin()), std::make_move_iterator(mine->end()),
        std::make_move_iterator(theirs->begin()),
        std::make_move_iterator(theirs->end()), std::back_inserter(places.rows), newer);
    if (places.rows.size() > own.limit) {
        places.rows.resize(own.limit);
    }
    return places;
}

bool isPassedOver(const Membership& row, const Conversation& conversation,
                  const Identity& who) {
    return row.member != who.user && isMember(conversation, who.user);
}

Result<std::string> countUnread(Store& store, const Identity& who, bool team) {
    const Result<Unread> unread = store.unread(who.site, team ? who.team : who.user);
    if (!unread.ok()) {
        return unread.status();
    }
    std::string body;
    json::Writer writer(body);
    writer.object();
    const bool both = !team && !who.team.empty();
    if (both) {  // first: it tells that this is no plain badge
        writer.member("team", who.team);
    }
    writer.member("count", unread->count).key("conversations").object();
    for (const auto& [conversation, count] : unread->conversations) {
        writer.member(conversation, count);
    }
    writer.end();
    if (both) {
        const Result<Unread> teams = store.unread(who.site, who.team);
        if (!teams.ok()) {
            return teams.status();
        }
        const Result<std::vector<std::string>> own =
            ownOf(store, who, teams->conversations);
        if (!own.ok()) {
            return own.status();
        }
        writer.key("own").array();
        for (const std::string& conversation : own.value()) {
            writer.string(conversation);
        }
        writer.end();
    }
    writer.end();
    return body;
}

}  // namespace messaging::worker
