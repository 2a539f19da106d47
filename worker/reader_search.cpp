// A page of a search: what the store finds, as the caller may see it. The store looks
// in the caller's conversations only, so there is nothing to be left out here.
#include "worker/reader_search.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "schema/json.hpp"
#include "schema/model.hpp"

namespace messaging::worker {
namespace {

// Of a store: a read that failed has written nothing, whatever went wrong.
Status unavailable(const Status& failure) {
    return {Code::StoreUnavailable, failure.detail()};
}

// Whose conversations are the caller's.
std::vector<std::string> membersOf(const Identity& who) {
    std::vector<std::string> members{who.user};
    if (!who.team.empty()) {
        members.push_back(who.team);
    }
    return members;
}

// Whether a message was read: one's own by all the others, another's by oneself.
bool wasRead(const Message& message, const Conversation& conversation,
             const Identity& who, const std::map<std::string, uint64_t>& readSeqs) {
    const std::string* oneself = memberOf(conversation, who);
    uint64_t mine = 0;
    uint64_t others = UINT64_MAX;
    for (const std::string& member : conversation.members) {
        const auto found = readSeqs.find(member);
        const uint64_t seq = found == readSeqs.end() ? 0 : found->second;
        if (oneself != nullptr && member == *oneself) {
            mine = seq;
        } else {
            others = std::min(others, seq);
        }
    }
    const bool own = oneself != nullptr && message.member == *oneself;
    return (own ? others : mine) >= message.seq;
}

Result<std::vector<std::string>> viewsOf(Store& store, const Command& command,
                                         const std::vector<Hit>& hits) {
    std::vector<std::string> views;
    if (hits.empty()) {
        return views;
    }
    std::set<ConversationRef> met;
    for (const Hit& hit : hits) {
        met.insert({command.who.site, hit.message.conversation});
    }
    const std::vector<ConversationRef> refs(met.begin(), met.end());
    const auto conversations = store.conversations(refs);
    const auto memberships = store.membershipsOf(refs);
    if (!conversations.ok() || !memberships.ok()) {
        return unavailable(conversations.ok() ? memberships.status()
                                              : conversations.status());
    }
    std::map<std::string, std::map<std::string, uint64_t>> readSeqs;
    for (const Membership& one : memberships.value()) {
        readSeqs[one.conversation][one.member] = one.readSeq;
    }
    for (const Hit& hit : hits) {
        const Message& message = hit.message;
        const auto found = std::find_if(
            conversations->begin(), conversations->end(),
            [&](const Conversation& one) { return one.id == message.conversation; });
        if (found != conversations->end()) {
            views.push_back(messageView(
                message,
                wasRead(message, *found, command.who, readSeqs[message.conversation])));
        }
    }
    return views;
}

// As showHistory(), one more tells whether there are more.
Result<Hits> findHits(Store& store, const Command& command,
                      const SearchArguments& arguments) {
    SearchRange range;
    range.words = wantedWords(arguments.q);
    range.below = arguments.cursor;
    range.limit = arguments.limit + 1;
    if (range.words.empty()) {
        return Hits();  // nothing but what stands between words
    }
    Result<Hits> found = store.search(command.who.site, membersOf(command.who), range);
    if (!found.ok()) {
        const bool foreign = found.status().code() == Code::InvalidCursor;
        return foreign ? found.status() : unavailable(found.status());
    }
    if (found->hits.empty() && !found->complete) {
        return {Code::SearchTimeout, "nothing was found in time"};
    }
    return found;
}

}  // namespace

Result<std::string> showSearch(Store& store, const Command& command) {
    const Result<SearchArguments> arguments = parseSearch(command.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    Result<Hits> found = findHits(store, command, arguments.value());
    if (!found.ok()) {
        return found.status();
    }
    std::vector<Hit>& hits = found->hits;
    const bool more = hits.size() > arguments->limit || !found->complete;
    if (hits.size() > arguments->limit) {
        hits.pop_back();
    }
    const Result<std::vector<std::string>> views = viewsOf(store, command, hits);
    if (!views.ok()) {
        return views.status();
    }
    std::string body;
    json::Writer writer(body);
    writer.object().key("messages").array();
    for (const std::string& view : views.value()) {
        writer.raw(view);
    }
    writer.end().key("nextCursor");
    if (more) {
        writer.string(hits.back().place);
    } else {
        writer.null();
    }
    writer.end();
    return body;
}

}  // namespace messaging::worker
