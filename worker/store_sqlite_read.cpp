// What the SQLite store answers. Every method resets its statements before it returns,
// so no reader holds back a checkpoint for longer than one page takes.
#include "worker/store_sqlite_impl.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging::worker::sqlite {
namespace {

constexpr unsigned kWalkPage = 500;

// A message's columns, a membership's, in the order of the two functions below; which
// site, and which conversation, was asked for.
#define MESSAGE_COLUMNS                                                               \
    "seq, sender.name, sender_role, member.name, ordinal, key, fingerprint, content," \
    " created_at, context_type, context_id, type, data"
#define MESSAGE_NAMES                                            \
    " CROSS JOIN names AS sender ON sender.id = messages.sender" \
    " CROSS JOIN names AS member ON member.id = messages.member"
#define MEMBERSHIP_COLUMNS                                                  \
    "conversation.name, member.name, last_seq, sent, read_seq, read_sent, " \
    "memberships.activity,"                                                 \
    " preview_seq, ifnull(sender.name, ''), preview_content, preview_at,"   \
    " memberships.rev, memberships.closed, memberships.archived"
#define MEMBERSHIP_NAMES                                                              \
    " CROSS JOIN names AS conversation ON conversation.id = memberships.conversation" \
    " CROSS JOIN names AS member ON member.id = memberships.member"                   \
    " LEFT JOIN names AS sender ON sender.id = memberships.preview_sender"

Message messageFrom(Query& row, const ConversationRef& of) {
    Message message;
    message.site = of.site;
    message.conversation = of.id;
    message.seq = row.number();
    message.sender = row.text();
    message.senderRole = row.text();
    message.member = row.text();
    message.ordinal = row.number();
    message.key = row.text();
    message.fingerprint = row.text();
    message.content = row.text();
    message.createdAt = row.number();
    message.context.type = row.text();
    message.context.id = row.text();
    message.type = row.text();
    message.data = row.text();
    return message;
}

Membership membershipFrom(Query& row, const std::string& site) {
    Membership membership;
    membership.site = site;
    membership.conversation = row.text();
    membership.member = row.text();
    membership.lastSeq = row.number();
    membership.sent = row.number();
    membership.readSeq = row.number();
    membership.readSent = row.number();
    membership.activity = row.number();
    membership.preview.seq = row.number();
    membership.preview.sender = row.text();
    membership.preview.content = row.text();
    membership.preview.createdAt = row.number();
    membership.rev = row.number();
    membership.closed = row.number() != 0;
    membership.archived = row.number() != 0;
    return membership;
}

Result<std::vector<Membership>> allMemberships(Query& query, const std::string& site,
                                               std::string_view what) {
    std::vector<Membership> found;
    while (query.row()) {
        found.push_back(membershipFrom(query, site));
    }
    if (!query.ok()) {
        return query.failure(what);
    }
    return found;
}

// 0, 1, or 2 for both.
uint64_t choiceOf(const std::optional<bool>& wanted) {
    return wanted ? uint64_t{*wanted} : 2;
}

}  // namespace

Result<uint64_t> SqliteStore::numberOf(const std::string& site,
                                       const std::string& name) {
    return database_.isOpen() ? names_.find(site, name) : notOpen();
}

Result<std::optional<Conversation>> SqliteStore::conversation(
    const ConversationRef& ref) {
    const auto number = numberOf(ref.site, ref.id);
    if (!number.ok()) {
        return number.status();
    }
    Query query(
        database_,
        "SELECT kind, subject, context_type, context_id, names.name, created_at,"
        " closed, closed_seq, rev, changes,"
        " iif(forward = 0, '', (SELECT name FROM names WHERE id = forward))"
        " FROM conversations CROSS JOIN names ON names.id = starter WHERE "
        "conversations.id = ?");
    query.bind(number.value());
    if (!query.row()) {
        return query.ok() ? Result<std::optional<Conversation>>(std::nullopt)
                          : query.failure("reading a conversation");
    }
    Conversation found;
    found.site = ref.site;
    found.id = ref.id;
    found.kind = query.text();
    found.subject = query.text();
    found.context.type = query.text();
    found.context.id = query.text();
    found.starter = query.text();
    found.createdAt = query.number();
    found.closed = query.number() != 0;
    found.closedSeq = query.number();
    found.rev = query.number();
    std::istringstream marks(query.text());
    for (std::string mark; marks >> mark;) {
        found.changes.push_back(mark);
    }
    found.forward = query.text();
    // Its members never change. Who archived it may be newer than `rev` says, and then
    // is said again with the rev that it has.
    Query members(database_,
                  "SELECT name, archived FROM conversation_members"
                  " CROSS JOIN names ON names.id = member"
                  " WHERE conversation = ? ORDER BY name");
    members.bind(number.value());
    while (members.row()) {
        found.members.push_back(members.text());
        if (members.number() != 0) {
            found.archived.push_back(found.members.back());
        }
    }
    if (!members.ok()) {
        return members.failure("reading a conversation's members");
    }
    return std::optional(std::move(found));
}

Result<std::vector<Conversation>> SqliteStore::conversations(
    const std::vector<ConversationRef>& refs) {
    std::vector<Conversation> found;
    for (const auto& ref : refs) {
        auto one = conversation(ref);
        if (!one.ok()) {
            return one.status();
        }
        if (one.value()) {
            found.push_back(std::move(*one.value()));
        }
    }
    return found;
}

Result<std::vector<Message>> SqliteStore::history(const ConversationRef& ref,
                                                  const HistoryArguments& range) {
    const auto number = numberOf(ref.site, ref.id);
    if (!number.ok()) {
        return number.status();
    }
    const char* const kAfter =
        "SELECT " MESSAGE_COLUMNS " FROM messages INDEXED BY messages_seq" MESSAGE_NAMES
        " WHERE conversation = ? AND seq > ?"
        " ORDER BY seq LIMIT ?";
    const char* const kBefore =
        "SELECT " MESSAGE_COLUMNS " FROM messages INDEXED BY messages_seq" MESSAGE_NAMES
        " WHERE conversation = ? AND seq < ?"
        " ORDER BY seq DESC LIMIT ?";
    Query query(database_, range.after ? kAfter : kBefore);
    query.bind(number.value());
    query.bind(range.after ? *range.after : range.before.value_or(UINT64_MAX));
    query.bind(uint64_t{range.limit});
    std::vector<Message> found;
    while (query.row()) {
        found.push_back(messageFrom(query, ref));
    }
    if (!query.ok()) {
        return query.failure("reading messages");
    }
    if (!range.after) {
        std::reverse(found.begin(), found.end());
    }
    return found;
}

Result<std::vector<Membership>> SqliteStore::memberships(const ConversationRef& ref) {
    const auto number = numberOf(ref.site, ref.id);
    if (!number.ok()) {
        return number.status();
    }
    Query query(database_,
                "SELECT " MEMBERSHIP_COLUMNS " FROM memberships" MEMBERSHIP_NAMES
                " WHERE conversation = ?");
    query.bind(number.value());
    return allMemberships(query, ref.site, "reading memberships");
}

Result<std::vector<Membership>> SqliteStore::membershipsOf(
    const std::vector<ConversationRef>& refs) {
    std::vector<Membership> found;
    for (const auto& ref : refs) {
        auto some = memberships(ref);
        if (!some.ok()) {
            return some.status();
        }
        std::move(some->begin(), some->end(), std::back_inserter(found));
    }
    return found;
}

Result<std::vector<Message>> SqliteStore::newest(
    const std::vector<ConversationRef>& refs) {
    HistoryArguments last;
    last.limit = 1;
    std::vector<Message> found;
    for (const auto& ref : refs) {
        auto one = history(ref, last);
        if (!one.ok()) {
            return one.status();
        }
        std::move(one->begin(), one->end(), std::back_inserter(found));
    }
    return found;
}

Result<std::vector<Membership>> SqliteStore::list(const std::string& site,
                                                  const std::string& member,
                                                  const ListRange& range) {
    const ListPlace below = range.below.value_or(ListPlace{UINT64_MAX, ""});
    const ListPlace above = range.above.value_or(ListPlace{0, ""});
    const auto owner = numberOf(site, member);
    const auto belowId = numberOf(site, below.conversation);
    const auto aboveId = numberOf(site, above.conversation);
    for (const auto* number : {&owner, &belowId, &aboveId}) {
        if (!number->ok()) {
            return number->status();
        }
    }
    const ListFilter& filter = range.filter;
    const uint64_t closed = choiceOf(filter.closed);
    const uint64_t archived = choiceOf(filter.archived);
    // SQLite reads both halves at once and stops at the limit; one that is not wanted
    // is not begun.
#define HALF(unread)                                                             \
    "SELECT conversation, activity FROM memberships INDEXED BY memberships_list" \
    " WHERE member = ?1 AND (unread > 0) = " unread                              \
    " AND (activity, conversation) < (?2, ?3)"                                   \
    " AND (activity, conversation) > (?4, ?5) AND ?7 <> 1 - " unread             \
    " AND (?8 = 2 OR closed = ?8) AND (?9 = 2 OR archived = ?9)"                 \
    " AND (?10 = '' OR EXISTS (SELECT 1 FROM conversations AS about"             \
    "  WHERE about.id = conversation AND about.context_type = ?10"               \
    "  AND (?11 = '' OR about.context_id = ?11)))"
    Query query(database_,
                "SELECT " MEMBERSHIP_COLUMNS " FROM"
                " (" HALF("0") " UNION ALL " HALF("1")
                " ORDER BY activity DESC, conversation DESC LIMIT ?6) AS page"
                " CROSS JOIN memberships ON memberships.conversation ="
                " page.conversation AND memberships.member = ?1" MEMBERSHIP_NAMES
                " ORDER BY page.activity DESC, page.conversation DESC");
#undef HALF
    query.bind(owner.value()).bind(below.activity).bind(belowId.value());
    query.bind(above.activity).bind(aboveId.value()).bind(uint64_t{range.limit});
    query.bind(choiceOf(filter.unread)).bind(closed).bind(archived);
    query.bind(filter.context.type).bind(filter.context.id);
    return allMemberships(query, site, "reading a list");
}

Result<Unread> SqliteStore::unread(const std::string& site, const std::string& member) {
    const auto number = numberOf(site, member);
    if (!number.ok()) {
        return number.status();
    }
    Query query(database_,
                "SELECT name, unread FROM memberships INDEXED BY memberships_list"
                " CROSS JOIN names ON names.id = conversation"
                " WHERE member = ? AND (unread > 0) = 1");
    query.bind(number.value());
    Unread found;
    while (query.row()) {
        std::string conversation = query.text();
        const uint64_t count = query.number();
        found.count += count;
        if (found.conversations.size() < limits::kMaxBadge) {
            found.conversations.emplace_back(std::move(conversation), count);
        }
    }
    if (!query.ok()) {
        return query.failure("reading unread");
    }
    return found;
}

Result<std::vector<User>> SqliteStore::users(const std::string& site,
                                             const std::vector<std::string>& ids) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    std::vector<User> found;
    for (const auto& id : ids) {
        const auto number = names_.find(site, id);
        if (!number.ok()) {
            return number.status();
        }
        Query query(database_, "SELECT role, name FROM users WHERE id = ?");
        query.bind(number.value());
        if (query.row()) {
            User user{site, id, {}, {}};
            user.role = query.text();
            user.name = query.text();
            found.push_back(std::move(user));
        }
        if (!query.ok()) {
            return query.failure("reading users");
        }
    }
    return found;
}

Result<std::optional<Message>> SqliteStore::messageByKey(const ConversationRef& ref,
                                                         const std::string& sender,
                                                         const std::string& key) {
    const auto number = numberOf(ref.site, ref.id);
    const auto from = numberOf(ref.site, sender);
    if (!number.ok() || !from.ok()) {
        return number.ok() ? from.status() : number.status();
    }
    Query query(database_, "SELECT " MESSAGE_COLUMNS
                           " FROM messages INDEXED BY messages_key" MESSAGE_NAMES
                           " WHERE conversation = ? AND messages.sender = ?"
                           " AND key = ?");
    query.bind(number.value()).bind(from.value()).bind(key);
    if (query.row()) {
        return std::optional(messageFrom(query, ref));
    }
    return query.ok() ? Result<std::optional<Message>>(std::nullopt)
                      : query.failure("looking up a key");
}

Result<uint64_t> SqliteStore::ordinalAt(const ConversationRef& ref,
                                        const std::string& member, uint64_t seq) {
    const auto number = numberOf(ref.site, ref.id);
    const auto whose = numberOf(ref.site, member);
    if (!number.ok() || !whose.ok()) {
        return number.ok() ? whose.status() : number.status();
    }
    Query newest(database_,
                 "SELECT seq, member, ordinal, crowd, EXISTS (SELECT 1 FROM"
                 " conversation_members WHERE conversation = ?1 AND member = ?3)"
                 " FROM messages INDEXED BY messages_seq"
                 " WHERE conversation = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1");
    newest.bind(number.value()).bind(seq).bind(whose.value());
    if (!newest.row()) {
        return newest.ok() ? Result<uint64_t>(uint64_t{0})
                           : newest.failure("reading an ordinal");
    }
    const uint64_t last = newest.number();
    const uint64_t sender = newest.number();
    const uint64_t ordinal = newest.number();
    const bool crowd = newest.number() != 0;
    const bool belongs = newest.number() != 0;
    if (sender == whose.value()) {
        return ordinal;
    }
    if (!crowd) {
        return belongs ? last - ordinal : 0;  // of two, the other's
    }
    Query own(database_,
              "SELECT ordinal FROM messages INDEXED BY messages_member"
              " WHERE conversation = ? AND member = ? AND seq <= ? AND crowd"
              " ORDER BY seq DESC LIMIT 1");
    own.bind(number.value()).bind(whose.value()).bind(seq);
    const uint64_t found = own.row() ? own.number() : 0;
    return own.ok() ? Result<uint64_t>(found) : own.failure("reading an ordinal");
}

// --- State

Result<std::optional<ConversationState>> SqliteStore::loadOne(
    const ConversationRef& ref) {
    auto found = conversation(ref);
    if (!found.ok()) {
        return found.status();
    }
    if (!found.value()) {
        return std::optional<ConversationState>();
    }
    ConversationState state;
    state.conversation = std::move(*found.value());
    auto newest = history(ref, {std::nullopt, std::nullopt, 1});
    if (!newest.ok()) {
        return newest.status();
    }
    for (const auto& message : newest.value()) {
        state.lastSeq = message.seq;
        state.lastAt = message.createdAt;
        state.preview = {message.seq, message.sender,
                         preview(message.content, limits::kPreview), message.createdAt};
    }
    for (const auto& member : state.conversation.members) {
        auto ordinal = ordinalAt(ref, member, state.lastSeq);
        if (!ordinal.ok()) {
            return ordinal.status();
        }
        state.ordinals[member] = ordinal.value();
    }
    auto known = memberships(ref);
    if (!known.ok()) {
        return known.status();
    }
    for (auto& membership : known.value()) {
        std::string member = membership.member;
        state.memberships.emplace(std::move(member), std::move(membership));
    }
    return std::optional(std::move(state));
}

Result<std::map<ConversationRef, ConversationState>> SqliteStore::load(
    const std::vector<ConversationRef>& refs) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    const Snapshot snapshot(database_);
    std::map<ConversationRef, ConversationState> found;
    for (const auto& ref : refs) {
        auto state = loadOne(ref);
        if (!state.ok()) {
            return state.status();
        }
        if (state.value()) {
            found.emplace(ref, std::move(*state.value()));
        }
    }
    return found;
}

Status SqliteStore::eachConversation(
    const std::function<bool(const ConversationRef&)>& visit) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    uint64_t last = 0;
    for (;;) {
        std::vector<ConversationRef> page;
        {
            Query query(
                database_,
                "SELECT conversations.id, site, name FROM conversations"
                " CROSS JOIN names ON names.id = conversations.id"
                " WHERE conversations.id > ? AND forward IN (0, conversations.id)"
                " ORDER BY conversations.id LIMIT ?");
            query.bind(last).bind(uint64_t{kWalkPage});
            while (query.row()) {
                last = query.number();
                std::string site = query.text();
                page.push_back({std::move(site), query.text()});
            }
            if (!query.ok()) {
                return query.failure("walking conversations");
            }
        }
        for (const auto& ref : page) {
            if (!visit(ref)) {
                return {};
            }
        }
        if (page.size() < kWalkPage) {
            return {};
        }
    }
}

}  // namespace messaging::worker::sqlite
