// What the SQLite store answers. Every method resets its statements before it returns,
// so no reader holds back a checkpoint for longer than one page takes.
#include "worker/store_sqlite_impl.hpp"

#include <algorithm>

#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging::worker::sqlite {
namespace {

constexpr unsigned kWalkPage = 500;

// The columns of a message, a membership, in the order of these two functions.
#define MESSAGE_COLUMNS                                                                \
    "site, conversation, seq, sender, sender_role, member, ordinal, key, fingerprint," \
    " content, created_at"
#define MEMBERSHIP_COLUMNS                                                       \
    "site, conversation, member, last_seq, sent, read_seq, read_sent, activity," \
    " preview_seq, preview_sender, preview_content, preview_at"

Message messageFrom(Query& row) {
    Message message;
    message.site = row.text();
    message.conversation = row.text();
    message.seq = row.number();
    message.sender = row.text();
    message.senderRole = row.text();
    message.member = row.text();
    message.ordinal = row.number();
    message.key = row.text();
    message.fingerprint = row.text();
    message.content = row.text();
    message.createdAt = row.number();
    return message;
}

Membership membershipFrom(Query& row) {
    Membership membership;
    membership.site = row.text();
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
    return membership;
}

template <typename T>
Result<std::vector<T>> all(Query& query, T (*from)(Query&), std::string_view what) {
    std::vector<T> found;
    while (query.row()) {
        found.push_back(from(query));
    }
    if (!query.ok()) {
        return query.failure(what);
    }
    return found;
}

// One state of the database for several statements. Inside a batch that is there
// already.
class Snapshot {
public:
    explicit Snapshot(Database& database)
        : database_(database),
          own_(sqlite3_get_autocommit(database.connection()) != 0) {
        if (own_) {
            Query(database_, "BEGIN").run();
        }
    }
    ~Snapshot() {
        if (own_) {
            database_.rollback();  // nothing was written
        }
    }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

private:
    Database& database_;
    bool own_;
};

}  // namespace

Result<std::optional<Conversation>> SqliteStore::conversation(
    const ConversationRef& ref) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    Query query(database_,
                "SELECT kind, subject, context_type, context_id, starter, created_at"
                " FROM conversations WHERE site = ? AND id = ?");
    query.bind(ref.site).bind(ref.id);
    if (!query.row()) {
        return query.ok() ? Result<std::optional<Conversation>>(std::nullopt)
                          : query.failure("reading a conversation");
    }
    Conversation found;
    found.site = ref.site;
    found.id = ref.id;
    found.kind = query.text();
    found.subject = query.text();
    found.contextType = query.text();
    found.contextId = query.text();
    found.starter = query.text();
    found.createdAt = query.number();
    // Its members never change, so two statements see one conversation.
    Query members(database_,
                  "SELECT member FROM conversation_members"
                  " WHERE site = ? AND conversation = ? ORDER BY member");
    members.bind(ref.site).bind(ref.id);
    while (members.row()) {
        found.members.push_back(members.text());
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
    if (!database_.isOpen()) {
        return notOpen();
    }
    const char* const kAfter = "SELECT " MESSAGE_COLUMNS
                               " FROM messages WHERE site = ? AND conversation = ?"
                               " AND seq > ? ORDER BY seq LIMIT ?";
    const char* const kBefore = "SELECT " MESSAGE_COLUMNS
                                " FROM messages WHERE site = ? AND conversation = ?"
                                " AND seq < ? ORDER BY seq DESC LIMIT ?";
    Query query(database_, range.after ? kAfter : kBefore);
    query.bind(ref.site).bind(ref.id);
    query.bind(range.after ? *range.after : range.before.value_or(UINT64_MAX));
    query.bind(uint64_t{range.limit});
    auto found = all(query, messageFrom, "reading messages");
    if (found.ok() && !range.after) {
        std::reverse(found->begin(), found->end());
    }
    return found;
}

Result<std::vector<Membership>> SqliteStore::memberships(const ConversationRef& ref) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    Query query(database_, "SELECT " MEMBERSHIP_COLUMNS
                           " FROM memberships WHERE site = ? AND conversation = ?");
    query.bind(ref.site).bind(ref.id);
    return all(query, membershipFrom, "reading memberships");
}

Result<std::vector<Membership>> SqliteStore::list(const std::string& site,
                                                  const std::string& member,
                                                  const ListRange& range) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    Query query(database_, "SELECT " MEMBERSHIP_COLUMNS
                           " FROM memberships INDEXED BY memberships_list"
                           " WHERE site = ? AND member = ?"
                           " AND (activity, conversation) < (?, ?)"
                           " AND (activity, conversation) > (?, ?)"
                           " ORDER BY activity DESC, conversation DESC LIMIT ?");
    const ListPlace below = range.below.value_or(ListPlace{UINT64_MAX, ""});
    const ListPlace above = range.above.value_or(ListPlace{0, ""});
    query.bind(site).bind(member).bind(below.activity).bind(below.conversation);
    query.bind(above.activity).bind(above.conversation);
    query.bind(uint64_t{range.limit});
    return all(query, membershipFrom, "reading a list");
}

Result<Unread> SqliteStore::unread(const std::string& site, const std::string& member) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    Query query(
        database_,
        "SELECT conversation, unread FROM memberships INDEXED BY memberships_unread"
        " WHERE site = ? AND member = ? AND unread > 0");
    query.bind(site).bind(member);
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
        Query query(database_,
                    "SELECT role, name FROM users WHERE site = ? AND id = ?");
        query.bind(site).bind(id);
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
    if (!database_.isOpen()) {
        return notOpen();
    }
    Query query(database_, "SELECT " MESSAGE_COLUMNS
                           " FROM messages WHERE site = ? AND conversation = ?"
                           " AND sender = ? AND key = ?");
    query.bind(ref.site).bind(ref.id).bind(sender).bind(key);
    if (query.row()) {
        return std::optional(messageFrom(query));
    }
    return query.ok() ? Result<std::optional<Message>>(std::nullopt)
                      : query.failure("looking up a key");
}

Result<uint64_t> SqliteStore::ordinalAt(const ConversationRef& ref,
                                        const std::string& member, uint64_t seq) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    Query query(database_,
                "SELECT ordinal FROM messages INDEXED BY messages_member"
                " WHERE site = ? AND conversation = ? AND member = ? AND seq <= ?"
                " ORDER BY seq DESC LIMIT 1");
    query.bind(ref.site).bind(ref.id).bind(member).bind(seq);
    const uint64_t ordinal = query.row() ? query.number() : 0;
    return query.ok() ? Result<uint64_t>(ordinal) : query.failure("reading an ordinal");
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
    ConversationRef last;
    for (;;) {
        std::vector<ConversationRef> page;
        {
            Query query(database_,
                        "SELECT site, id FROM conversations WHERE (site, id) > (?, ?)"
                        " ORDER BY site, id LIMIT ?");
            query.bind(last.site).bind(last.id).bind(uint64_t{kWalkPage});
            while (query.row()) {
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
        last = std::move(page.back());
    }
}

}  // namespace messaging::worker::sqlite
