// A page of the list is looked for among rows of the store, in turns: what moved up
// since the walk began, then what lies below its last place. Some are passed over, so
// that a page may take several looks, and a cursor may stand within a row's page.
#include "worker/reader_list.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "schema/json.hpp"
#include "schema/text.hpp"
#include "worker/cursor.hpp"
#include "worker/fold.hpp"
#include "worker/inboxes.hpp"
#include "worker/wording.hpp"

namespace messaging::worker {
namespace {

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

}  // namespace

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

}  // namespace messaging::worker
