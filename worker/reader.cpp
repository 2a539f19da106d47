// The reads. Only members see a conversation; to everybody else it does not exist.
// Nothing is kept between commands and nothing is written.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/json.hpp"
#include "schema/model.hpp"
#include "schema/problem.hpp"
#include "schema/text.hpp"
#include "worker/cursor.hpp"
#include "worker/fold.hpp"
#include "worker/handler.hpp"

namespace messaging::worker {
namespace {

// A body, or why there is none.
using Answer = Result<std::string>;

// Of a store: a read that failed has written nothing, whatever went wrong.
Status unavailable(const Status& failure) {
    return {Code::StoreUnavailable, failure.detail()};
}

// --- A conversation

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

Result<Conversation> findConversation(Store& store, const ConversationRef& ref,
                                      const std::string& caller) {
    Result<std::optional<Conversation>> found = store.conversation(ref);
    if (!found.ok()) {
        return unavailable(found.status());
    }
    std::optional<Conversation>& conversation = found.value();
    if (!conversation ||
        std::find(conversation->members.begin(), conversation->members.end(), caller) ==
            conversation->members.end()) {
        return {Code::NotFound, "absent, or not the caller's"};
    }
    return std::move(*conversation);
}

Result<Seen> findSeen(Store& store, const Command& command) {
    const ConversationRef ref{command.who.site, command.conversation};
    Result<Conversation> conversation = findConversation(store, ref, command.who.user);
    if (!conversation.ok()) {
        return conversation.status();
    }
    Result<std::vector<Membership>> memberships = store.memberships(ref);
    if (!memberships.ok()) {
        return unavailable(memberships.status());
    }
    return Seen{std::move(conversation.value()), std::move(memberships.value())};
}

Answer showConversation(Store& store, const Command& command) {
    const Result<Seen> seen = findSeen(store, command);
    if (!seen.ok()) {
        return seen.status();
    }
    const Result<std::vector<User>> users =
        store.users(command.who.site, seen->conversation.members);
    if (!users.ok()) {
        return unavailable(users.status());
    }
    const Membership* mine = seen->of(command.who.user);
    return conversationView(seen->conversation, command.who.user,
                            mine == nullptr ? Membership() : *mine, users.value());
}

// --- Its messages

// One message more than was asked for tells whether there are more.
Answer showHistory(Store& store, const Command& command) {
    Result<HistoryArguments> range = parseHistory(command.body);
    if (!range.ok()) {
        return range.status();
    }
    const size_t limit = range->limit;
    range->limit += 1;
    const Result<Seen> seen = findSeen(store, command);
    if (!seen.ok()) {
        return seen.status();
    }
    const ConversationRef ref{command.who.site, command.conversation};
    Result<std::vector<Message>> found = store.history(ref, range.value());
    if (!found.ok()) {
        return unavailable(found.status());
    }
    std::vector<Message>& messages = found.value();
    const bool more = messages.size() > limit;
    if (more) {
        messages.erase(range->after ? messages.end() - 1 : messages.begin());
    }

    const std::string& caller = command.who.user;
    const uint64_t mine = seen->readSeq(caller);
    uint64_t others = UINT64_MAX;
    for (const std::string& member : seen->conversation.members) {
        if (member != caller) {
            others = std::min(others, seen->readSeq(member));
        }
    }
    std::string body;
    json::Writer writer(body);
    writer.object().key("messages").array();
    for (const Message& message : messages) {
        const uint64_t readSeq = message.member == caller ? others : mine;
        writer.raw(messageView(message, readSeq >= message.seq));
    }
    writer.end().key("nextCursor");
    if (more) {
        const Message& edge = range->after ? messages.back() : messages.front();
        writer.string(std::to_string(edge.seq));
    } else {
        writer.null();
    }
    writer.end();
    return body;
}

// --- The list

// What is looked at for one page of the list where words are searched: so many rows at
// once, so often. Past that the page is short, and its cursor goes on.
constexpr unsigned kLookedAtOnce = 100;
constexpr int kLooks = 20;

struct Page {
    std::vector<Membership> places;
    ListPlace start;  // of the walk, as of this page
    std::optional<ListCursor> next;
};

ListPlace placeOf(const Membership& membership) {
    return {membership.activity, membership.conversation};
}

Result<std::vector<Membership>> rows(Store& store, const Command& command,
                                     ListRange range) {
    Result<std::vector<Membership>> found =
        store.list(command.who.site, command.who.user, range);
    return found.ok() ? std::move(found) : unavailable(found.status());
}

Result<Page> firstPage(Store& store, const Command& command, const ListFilter& filter,
                       unsigned limit) {
    Result<std::vector<Membership>> found =
        rows(store, command, {std::nullopt, std::nullopt, limit + 1, filter});
    if (!found.ok()) {
        return found.status();
    }
    Page page{std::move(found.value()), {}, std::nullopt};
    if (!page.places.empty()) {
        page.start = placeOf(page.places.front());
    }
    if (page.places.size() > limit) {
        page.places.resize(limit);
        page.next = {page.start, placeOf(page.places.back())};
    }
    return page;
}

// What moved above the walk's start since, then what lies below its last place. The
// part below is asked for first: what leaves it meanwhile is then found above.
Result<Page> nextPage(Store& store, const Command& command, const ListFilter& filter,
                      const ListCursor& cursor, unsigned limit) {
    Result<std::vector<Membership>> below =
        rows(store, command, {cursor.last, std::nullopt, limit + 1, filter});
    if (!below.ok()) {
        return below.status();
    }
    Result<std::vector<Membership>> above =
        rows(store, command, {std::nullopt, cursor.start, limit + 1, filter});
    if (!above.ok()) {
        return above.status();
    }
    Page page{std::move(above.value()), cursor.start, std::nullopt};
    if (!page.places.empty()) {
        page.start = placeOf(page.places.front());
    }
    if (page.places.size() > limit) {
        // More moved than fits: the walk starts again from the top.
        page.places.resize(limit);
        page.next = {page.start, placeOf(page.places.back())};
        return page;
    }
    ListPlace last = cursor.last;
    bool more = false;
    for (Membership& membership : below.value()) {
        const bool moved = std::any_of(
            page.places.begin(), page.places.end(), [&](const Membership& delivered) {
                return delivered.conversation == membership.conversation;
            });
        if (moved) {  // between our two questions
            continue;
        }
        if (page.places.size() == limit) {
            more = true;
            break;
        }
        last = placeOf(membership);
        page.places.push_back(std::move(membership));
    }
    if (more) {
        page.next = {page.start, last};
    }
    return page;
}

// What the rows of a page need to be shown, by id.
struct Needed {
    std::map<std::string, Conversation> conversations;
    std::map<std::string, User> users;

    std::vector<User> membersOf(const Conversation& conversation) const {
        std::vector<User> named;
        for (const std::string& member : conversation.members) {
            const auto user = users.find(member);
            if (user != users.end()) {
                named.push_back(user->second);
            }
        }
        return named;
    }
};

Result<Needed> findNeeded(Store& store, const std::string& site,
                          const std::vector<Membership>& places) {
    std::vector<ConversationRef> refs;
    for (const Membership& membership : places) {
        refs.push_back({site, membership.conversation});
    }
    Result<std::vector<Conversation>> conversations = store.conversations(refs);
    if (!conversations.ok()) {
        return unavailable(conversations.status());
    }
    Needed needed;
    std::set<std::string> members;
    for (Conversation& conversation : conversations.value()) {
        members.insert(conversation.members.begin(), conversation.members.end());
        needed.conversations[conversation.id] = std::move(conversation);
    }
    Result<std::vector<User>> users =
        store.users(site, std::vector<std::string>(members.begin(), members.end()));
    if (!users.ok()) {
        return unavailable(users.status());
    }
    for (User& user : users.value()) {
        needed.users[user.id] = std::move(user);
    }
    return needed;
}

// Where the store filtered by a copy, which may be older than the conversation.
bool fits(const Conversation& conversation, const std::string& caller,
          const ListFilter& filter) {
    return filter.closed.value_or(conversation.closed) == conversation.closed &&
           (!filter.archived || *filter.archived == isArchived(conversation, caller));
}

// Whether something that a list shows of it has these words, which are folded.
bool mentions(const Conversation& conversation, const Membership& mine,
              const std::vector<User>& users, const std::string& words) {
    std::string shown = conversation.subject + '\n' + conversation.context.id + '\n' +
                        mine.preview.content;
    for (const std::string& member : conversation.members) {
        shown += '\n' + member;
    }
    for (const User& user : users) {
        shown += '\n' + user.name;
    }
    return fold(shown).find(words) != std::string::npos;
}

// What a page shows, and where the next one begins.
struct Shown {
    std::vector<std::string> views;
    std::optional<ListCursor> next;
};

// Adds what is wanted of a page of the store's. Ends within it where there is enough.
Status addPage(Store& store, const Command& command, const ListArguments& arguments,
               const Page& page, Shown* shown) {
    const Result<Needed> needed = findNeeded(store, command.who.site, page.places);
    if (!needed.ok()) {
        return needed.status();
    }
    const std::string& caller = command.who.user;
    const std::string words = fold(arguments.q);
    for (size_t i = 0; i < page.places.size(); ++i) {
        const Membership& mine = page.places[i];
        const auto found = needed->conversations.find(mine.conversation);
        if (found == needed->conversations.end()) {
            continue;  // a membership without its conversation cannot be shown
        }
        const Conversation& conversation = found->second;
        const std::vector<User> users = needed->membersOf(conversation);
        if (!fits(conversation, caller, arguments.filter) ||
            (!words.empty() && !mentions(conversation, mine, users, words))) {
            continue;
        }
        shown->views.push_back(conversationView(conversation, caller, mine, users));
        if (shown->views.size() == arguments.limit) {
            shown->next = page.next;
            if (i + 1 < page.places.size()) {
                shown->next = {page.start, placeOf(mine)};
            }
            return {};
        }
    }
    shown->next = page.next;
    return {};
}

Result<Shown> findShown(Store& store, const Command& command) {
    const Result<ListArguments> arguments = parseList(command.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    Shown shown;
    if (!arguments->cursor.empty()) {
        shown.next = decodeCursor(arguments->cursor);
        if (!shown.next) {
            return {Code::InvalidCursor, "not one of ours", "cursor"};
        }
    }
    for (int look = 0; look == 0 || (look < kLooks && shown.next); ++look) {
        const auto left = arguments->limit - static_cast<unsigned>(shown.views.size());
        const unsigned most = arguments->q.empty() ? left : kLookedAtOnce;
        const ListFilter& filter = arguments->filter;
        const Result<Page> page =
            shown.next ? nextPage(store, command, filter, *shown.next, most)
                       : firstPage(store, command, filter, most);
        if (!page.ok()) {
            return page.status();
        }
        Status status =
            addPage(store, command, arguments.value(), page.value(), &shown);
        if (!status.ok()) {
            return status;
        }
        if (shown.views.size() == arguments->limit) {
            break;
        }
    }
    return shown;
}

Answer showList(Store& store, const Command& command) {
    const Result<Shown> shown = findShown(store, command);
    if (!shown.ok()) {
        return shown.status();
    }
    std::string body;
    json::Writer writer(body);
    writer.object().key("me").raw(identityView(command.who));
    writer.key("conversations").array();
    for (const std::string& view : shown->views) {
        writer.raw(view);
    }
    writer.end().key("nextCursor");
    if (shown->next) {
        writer.string(encodeCursor(*shown->next));
    } else {
        writer.null();
    }
    writer.end();
    return body;
}

// --- The badge

Answer showUnread(Store& store, const Command& command) {
    const Result<Unread> unread = store.unread(command.who.site, command.who.user);
    if (!unread.ok()) {
        return unavailable(unread.status());
    }
    std::string body;
    json::Writer writer(body);
    writer.object().member("count", unread->count).key("conversations").object();
    for (const auto& [conversation, count] : unread->conversations) {
        writer.member(conversation, count);
    }
    writer.end().end();
    return body;
}

Answer answer(Store& store, const Command& command) {
    switch (command.operation) {
        case Operation::History:
            return showHistory(store, command);
        case Operation::Conversation:
            return showConversation(store, command);
        case Operation::List:
            return showList(store, command);
        case Operation::UnreadCount:
            return showUnread(store, command);
        default:
            return {Code::InvalidField, "not a read", "op"};
    }
}

}  // namespace

Reply Reader::run(const Command& command) {
    Answer answered = answer(store_, command);
    if (answered.ok()) {
        return {command.id, 200, Code::Ok, {}, std::move(answered.value())};
    }
    const Status& failure = answered.status();
    return {command.id,
            problemKind(failure.code()).status,
            failure.code(),
            failure.field(),
            {}};
}

}  // namespace messaging::worker
