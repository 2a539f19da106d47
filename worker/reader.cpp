// The reads. Only members see a conversation; to everybody else it does not exist.
// Nothing is kept between commands and nothing is written. Long because all of them see
// a conversation in the same way.
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
#include "worker/reader_page.hpp"
#include "worker/wording.hpp"
#include "worker/inboxes.hpp"
#include "worker/reader_search.hpp"

namespace messaging::worker {
namespace {

using Answer = Result<std::string>;  // a body, or why there is none

// Of a store: a read that failed has written nothing, whatever went wrong.
Status unavailable(const Status& failure) {
    return {Code::StoreUnavailable, failure.detail()};
}

// --- A conversation

constexpr const char* kAbsent = "absent";  // not the same as not the caller's, in here

// The newest message that an answer shows of one conversation.
struct Newest {
    uint64_t seq = 0;
    std::string conversation;
};

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

// What the caller sees as read: of their own messages what all others read, of the
// others' what they read themselves.
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

// These members, as they are known and whether they are there.
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

// `messages`: with the newest one in full.
Answer viewSeen(Store& store, Presences* presences, const Identity& who,
                const Seen& seen, bool messages) {
    const Result<std::vector<User>> users =
        findUsers(store, presences, who.site, seen.conversation.members);
    if (!users.ok()) {
        return users.status();
    }
    const std::string& viewer = viewerOf(seen, who);
    const Membership* mine = seen.of(viewer);
    std::string view =
        conversationView(seen.conversation, viewer,
                         mine == nullptr ? Membership() : *mine, users.value());
    if (!messages) {
        return view;
    }
    const Result<std::vector<Message>> newest =
        store.newest({{who.site, seen.conversation.id}});
    if (!newest.ok()) {
        return unavailable(newest.status());
    }
    const ReadOf read = readRule(seen, viewer);
    std::vector<std::string> views;
    for (const Message& message : newest.value()) {
        views.push_back(messageView(message, read(message)));
    }
    return withMessages(std::move(view), views);
}

Answer showConversation(Store& store, Presences* presences, const Command& command,
                        bool messages, Newest* newest) {
    const Result<Seen> seen = findSeen(store, command);
    if (!seen.ok()) {
        return seen.status();
    }
    const Membership* mine = seen->of(viewerOf(seen.value(), command.who));
    *newest = {mine == nullptr ? 0 : mine->lastSeq, seen->conversation.id};
    return viewSeen(store, presences, command.who, seen.value(), messages);
}

// --- Its messages

Result<MessagePage> findPage(Store& store, const Identity& who, const Seen& seen,
                             const HistoryArguments& range) {
    Result<MessagePage> page = readPage(store, {who.site, seen.conversation.id}, range,
                                        readRule(seen, viewerOf(seen, who)));
    return page.ok() ? std::move(page) : unavailable(page.status());
}

// Of a conversation that is not there, where that is no failure.
bool isEmpty(const Status& failure, const HistoryArguments& range) {
    return failure.code() == Code::NotFound && failure.field() == kAbsent &&
           range.absentEmpty;
}

Answer showHistory(Store& store, const Command& command, Newest* newest) {
    const From from = command.profile.empty() ? From::Client : From::Module;
    const Result<HistoryArguments> range = parseHistory(command.body, from);
    if (!range.ok()) {
        return range.status();
    }
    const Result<Seen> seen = findSeen(store, command);
    const bool empty = !seen.ok() && isEmpty(seen.status(), range.value());
    if (!seen.ok() && !empty) {
        return seen.status();
    }
    const Result<MessagePage> page =
        empty ? MessagePage()
              : findPage(store, command.who, seen.value(), range.value());
    if (!page.ok()) {
        return page.status();
    }
    *newest = {page->newest, empty ? command.conversation : seen->conversation.id};
    std::string body;
    json::Writer writer(body);
    writer.object();
    writePage(writer, page.value());
    writer.end();
    return body;
}

// --- A conversation with its messages

// The caller's newest one in this context; empty where there is none.
Result<std::string> findThread(Store& store, const Identity& who,
                               const Context& context) {
    ListRange range;
    range.limit = 1;
    range.filter.context = context;
    const Result<Places> found = listBoth(store, who, range, range);
    if (!found.ok()) {
        return unavailable(found.status());
    }
    return found->rows.empty() ? std::string() : found->rows.front().conversation;
}

constexpr const char* kNoThread =
    "{\"conversation\":null,\"messages\":[],\"nextCursor\":null}";

Answer showThread(Store& store, Presences* presences, const Command& asked,
                  bool messages, Newest* newest) {
    const Result<ThreadArguments> arguments = parseThread(asked.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    Command command = asked;
    if (command.conversation.empty()) {
        Result<std::string> found = findThread(store, command.who, arguments->context);
        if (!found.ok()) {
            return found.status();
        }
        if (found->empty()) {
            return std::string(kNoThread);
        }
        command.conversation = std::move(found.value());
    }
    const Result<Seen> seen = findSeen(store, command);
    if (!seen.ok() && isEmpty(seen.status(), arguments->page)) {
        return std::string(kNoThread);
    }
    if (!seen.ok()) {
        return seen.status();
    }
    const Result<MessagePage> page =
        findPage(store, command.who, seen.value(), arguments->page);
    if (!page.ok()) {
        return page.status();
    }
    Answer conversation =
        viewSeen(store, presences, command.who, seen.value(), messages);
    if (!conversation.ok()) {
        return conversation.status();
    }
    *newest = {page->newest, seen->conversation.id};
    std::string body;
    json::Writer writer(body);
    writer.object().key("conversation").raw(conversation.value());
    writePage(writer, page.value());
    writer.end();
    return body;
}

// --- The list

// What is looked at for one page of the list where words are searched: so many rows at
// once, so often. Past that the page is short, and its cursor goes on.
constexpr unsigned kLookedAtOnce = 100;
constexpr int kLooks = 20;

struct Page {
    std::vector<Membership> rows;
    size_t above = 0;       // of them, those that moved up since the walk began
    bool ownMoved = false;  // which of the lists has such
    bool teamMoved = false;
    ListCursor cursor;  // starts as of this page, last places as of the one before
    bool more = false;

    // Where the walk stands when so many rows were delivered. One that ends among those
    // above begins again from the top.
    ListCursor after(size_t count) const {
        ListCursor to = cursor;
        const bool again = count < above;
        if (again && ownMoved) {
            to.own.last = ListWalk().last;
        }
        if (again && teamMoved) {
            to.team->last = ListWalk().last;
        }
        for (size_t i = again ? 0 : above; i < count; ++i) {
            const bool teams = !teamRole(rows[i].member).empty();
            (teams ? *to.team : to.own).last = placeOf(rows[i]);
        }
        return to;
    }
};

Result<Places> places(Store& store, const Command& command, const ListRange& own,
                      const ListRange& team) {
    Result<Places> found = listBoth(store, command.who, own, team);
    return found.ok() ? std::move(found) : unavailable(found.status());
}

// Nothing where it excludes nothing.
std::optional<ListPlace> bound(const ListPlace& place) {
    return place.conversation.empty() ? std::nullopt : std::optional(place);
}

// What moved above the walk's start since, then what lies below its last place. The
// part below is asked for first: what leaves it meanwhile is then found above. At its
// beginning all is below.
Result<Page> nextPage(Store& store, const Command& command, const ListFilter& filter,
                      const std::optional<ListCursor>& from, unsigned limit) {
    Page page;
    page.cursor = from.value_or(ListCursor());
    if (!command.who.team.empty() && !page.cursor.team) {
        page.cursor.team = ListWalk();
    }
    const ListWalk& own = page.cursor.own;
    const ListWalk& team = page.cursor.team ? *page.cursor.team : own;
    Result<Places> below =
        places(store, command, {bound(own.last), std::nullopt, limit + 1, filter},
               {bound(team.last), std::nullopt, limit + 1, filter});
    if (!below.ok()) {
        return below.status();
    }
    std::optional<ListPlace> newestOwn = below->own;
    std::optional<ListPlace> newestTeam = below->team;
    if (from) {
        Result<Places> above =
            places(store, command, {std::nullopt, bound(own.start), limit + 1, filter},
                   {std::nullopt, bound(team.start), limit + 1, filter});
        if (!above.ok()) {
            return above.status();
        }
        newestOwn = above->own;
        newestTeam = above->team;
        page.ownMoved = newestOwn.has_value();
        page.teamMoved = newestTeam.has_value();
        page.above = above->rows.size();
        page.rows = std::move(above->rows);
    }
    if (newestOwn) {
        page.cursor.own.start = *newestOwn;
    }
    if (newestTeam) {
        page.cursor.team->start = *newestTeam;
    }
    for (Membership& row : below->rows) {
        const auto moved = [&](const Membership& delivered) {
            return delivered.conversation == row.conversation &&
                   delivered.member == row.member;
        };
        // What moved between our two questions stands above.
        if (std::none_of(page.rows.begin(), page.rows.begin() + page.above, moved)) {
            page.rows.push_back(std::move(row));
        }
    }
    if (page.rows.size() > limit) {
        page.rows.resize(limit);
        page.more = true;
    }
    return page;
}

// What the rows of a page need to be shown, by id.
struct Needed {
    std::map<std::string, Conversation> conversations;
    std::map<std::string, User> users;
    std::map<std::string, std::string> newest;  // views, where they are shown

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

std::vector<ConversationRef> refsOf(const std::string& site,
                                    const std::vector<Membership>& rows) {
    std::vector<ConversationRef> refs;
    for (const Membership& membership : rows) {
        refs.push_back({site, membership.conversation});
    }
    return refs;
}

Result<Needed> findNeeded(Store& store, Presences* presences, const std::string& site,
                          const std::vector<Membership>& rows) {
    Result<std::vector<Conversation>> conversations =
        store.conversations(refsOf(site, rows));
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
        findUsers(store, presences, site,
                  std::vector<std::string>(members.begin(), members.end()));
    if (!users.ok()) {
        return users.status();
    }
    for (User& user : users.value()) {
        needed.users[user.id] = std::move(user);
    }
    return needed;
}

// Views of the newest messages of a page's conversations.
Status findNewest(Store& store, const Identity& who,
                  const std::vector<Membership>& places, Needed* needed) {
    const std::vector<ConversationRef> refs = refsOf(who.site, places);
    Result<std::vector<Membership>> memberships = store.membershipsOf(refs);
    if (!memberships.ok()) {
        return unavailable(memberships.status());
    }
    std::map<std::string, Seen> seen;
    for (Membership& membership : memberships.value()) {
        seen[membership.conversation].memberships.push_back(std::move(membership));
    }
    const Result<std::vector<Message>> newest = store.newest(refs);
    if (!newest.ok()) {
        return unavailable(newest.status());
    }
    for (const Message& message : newest.value()) {
        const auto found = needed->conversations.find(message.conversation);
        if (found == needed->conversations.end()) {
            continue;
        }
        Seen& of = seen[message.conversation];
        of.conversation = found->second;
        needed->newest[message.conversation] =
            messageView(message, readRule(of, viewerOf(of, who))(message));
    }
    return {};
}

// Where the store filtered by a copy, which may be older than the conversation.
bool fits(const Conversation& conversation, const std::string& viewer,
          const ListFilter& filter) {
    return filter.closed.value_or(conversation.closed) == conversation.closed &&
           (!filter.archived || *filter.archived == isArchived(conversation, viewer));
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
    bool messages = false;  // each with its newest message
    size_t bytes = 0;
    bool full = false;
};

// Adds what is wanted of a page of the store's. Ends within it where there is enough.
Status addPage(Store& store, Presences* presences, const Command& command,
               const ListArguments& arguments, const Page& page, Shown* shown) {
    Result<Needed> needed = findNeeded(store, presences, command.who.site, page.rows);
    if (!needed.ok()) {
        return needed.status();
    }
    if (shown->messages) {
        Status status = findNewest(store, command.who, page.rows, &needed.value());
        if (!status.ok()) {
            return status;
        }
    }
    const std::string words = fold(arguments.q);
    for (size_t i = 0; i < page.rows.size(); ++i) {
        const Membership& mine = page.rows[i];
        const auto found = needed->conversations.find(mine.conversation);
        if (found == needed->conversations.end()) {
            continue;  // a membership without its conversation cannot be shown
        }
        const Conversation& conversation = found->second;
        const std::vector<User> users = needed->membersOf(conversation);
        if (isPassedOver(mine, conversation, command.who) ||
            !fits(conversation, mine.member, arguments.filter) ||
            (!words.empty() && !mentions(conversation, mine, users, words))) {
            continue;
        }
        std::string view = conversationView(conversation, mine.member, mine, users);
        if (shown->messages) {
            const auto newest = needed->newest.find(conversation.id);
            view = withMessages(std::move(view),
                                newest == needed->newest.end()
                                    ? std::vector<std::string>()
                                    : std::vector<std::string>{newest->second});
        }
        shown->bytes += view.size();
        shown->views.push_back(std::move(view));
        shown->full = shown->views.size() == arguments.limit ||
                      shown->bytes > limits::kMaxPageBytes;
        if (shown->full && i + 1 < page.rows.size()) {
            shown->next = page.after(i + 1);
            return {};
        }
    }
    shown->next.reset();
    if (page.more) {
        shown->next = page.after(page.rows.size());
    }
    return {};
}

Result<Shown> findShown(Store& store, Presences* presences, const Command& command,
                        bool messages) {
    const Result<ListArguments> arguments = parseList(command.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    Shown shown;
    shown.messages = messages;
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
        const Result<Page> page = nextPage(store, command, filter, shown.next, most);
        if (!page.ok()) {
            return page.status();
        }
        Status status =
            addPage(store, presences, command, arguments.value(), page.value(), &shown);
        if (!status.ok()) {
            return status;
        }
        if (shown.full) {
            break;
        }
    }
    return shown;
}

Answer showList(Store& store, Presences* presences, const Command& command,
                bool messages) {
    const Result<Shown> shown = findShown(store, presences, command, messages);
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
    const Result<UnreadArguments> arguments = parseUnread(command.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    if (arguments->team && command.who.team.empty()) {
        return {Code::InvalidField, "the caller has no team", "team"};
    }
    Answer counted = countUnread(store, command.who, arguments->team);
    return counted.ok() ? std::move(counted) : unavailable(counted.status());
}

// --- Typing

// To those of the others who look now. Who types is told by nothing but this.
Answer sayTyping(Store& store, const Command& command,
                 std::vector<Publication>* whispers) {
    const Result<TypingArguments> arguments = parseTyping(command.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    const ConversationRef ref{command.who.site, command.conversation};
    const Result<Conversation> conversation = findConversation(store, ref, command.who);
    if (!conversation.ok()) {
        return conversation.status();
    }
    const std::string& oneself = *memberOf(conversation.value(), command.who);
    const std::vector<Event> events{
        {"typing", typingEvent(conversation->id, command.who, arguments->typing)}};
    for (const std::string& member : conversation->members) {
        if (member != oneself && whispers != nullptr) {
            whispers->push_back({ref.site, member, events});
        }
    }
    return std::string();
}

// Those with whom one shares one of one's newest conversations hear that one came or
// went.
Answer sayPresence(Store& store, const Command& command,
                   std::vector<Publication>* whispers) {
    const Result<PresenceArguments> arguments = parsePresence(command.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    const std::string& site = command.who.site;
    const Result<std::vector<Membership>> places = store.list(
        site, command.who.user, {std::nullopt, std::nullopt, limits::kMaxCircles, {}});
    if (!places.ok()) {
        return unavailable(places.status());
    }
    std::vector<ConversationRef> refs;
    for (const Membership& place : places.value()) {
        refs.push_back({site, place.conversation});
    }
    const Result<std::vector<Conversation>> conversations = store.conversations(refs);
    if (!conversations.ok()) {
        return unavailable(conversations.status());
    }
    std::set<std::string> others;
    for (const Conversation& conversation : conversations.value()) {
        others.insert(conversation.members.begin(), conversation.members.end());
    }
    others.erase(command.who.user);
    const std::vector<Event> events{
        {"presence", presenceEvent(command.who.user, arguments.value())}};
    for (const std::string& other : others) {
        if (whispers != nullptr && whispers->size() < limits::kMaxWitnesses) {
            whispers->push_back({site, other, events});
        }
    }
    return std::string();
}

Answer answer(Store& store, Presences* presences, const Command& command,
              const Profile* profile, Newest* newest,
              std::vector<Publication>* whispers) {
    const bool messages = showsMessages(profile);
    switch (command.operation) {
        case Operation::History:
            return showHistory(store, command, newest);
        case Operation::Conversation:
            return showConversation(store, presences, command, messages, newest);
        case Operation::Thread:
            return showThread(store, presences, command, messages, newest);
        case Operation::List:
            return showList(store, presences, command, messages);
        case Operation::UnreadCount:
            return showUnread(store, command);
        case Operation::Search:
            return showSearch(store, command);
        case Operation::Presence:
            return sayPresence(store, command, whispers);
        case Operation::Typing:
            return sayTyping(store, command, whispers);
        default:
            return {Code::InvalidField, "not a read", "op"};
    }
}

}  // namespace

std::string countedMember(const Command& command) {
    const Result<UnreadArguments> arguments = parseUnread(command.body);
    return arguments.ok() && arguments->team ? command.who.team : command.who.user;
}

Reply Reader::run(const Command& command, std::vector<Publication>* whispers,
                  const Profile* profile) {
    Newest newest;
    Answer answered = answer(store_, presences_, command, profile, &newest, whispers);
    Reply reply;
    reply.id = command.id;
    if (answered.ok() && answered->empty()) {
        reply.status = 204;
        return reply;
    }
    if (answered.ok()) {
        reply.body = std::move(answered.value());
        if (!command.profile.empty()) {  // whose routes may mark read what they show
            reply.seq = newest.seq;
            reply.conversation = std::move(newest.conversation);
        }
        return worded(command, profile, std::move(reply));
    }
    reply.code = answered.status().code();
    reply.status = problemKind(reply.code).status;
    if (reply.code != Code::NotFound) {  // whose field is our own mark
        reply.field = answered.status().field();
    }
    return reply;
}

}  // namespace messaging::worker
