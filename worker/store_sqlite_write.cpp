// What the SQLite store writes: a batch is BEGIN IMMEDIATE … COMMIT. Until commit()
// nothing is stored, so every failure before it is definite.
#include <unistd.h>

#include <utility>

#include "worker/store_sqlite.hpp"
#include "worker/store_sqlite_impl.hpp"

namespace messaging::worker {

std::unique_ptr<Store> makeSqliteStore(std::string path) {
    return std::make_unique<sqlite::SqliteStore>(std::move(path));
}

namespace sqlite {

// --- Connection

Status SqliteStore::open() {
    batch_ = Batch::None;
    return database_.open(path_);
}

Status SqliteStore::ping() {
    // A restored backup takes the file's place under our feet. Where nothing took it,
    // an empty store must not either.
    const bool moved = database_.isOpen() && database_.moved();
    if (moved && ::access(path_.c_str(), F_OK) != 0) {
        return {Code::StoreUnavailable, "sqlite: " + path_ + " is gone"};
    }
    if (!database_.isOpen() || (batch_ == Batch::None && moved)) {
        const Status status = open();
        if (!status.ok()) {
            return status;
        }
    }
    Query query(database_, "SELECT count(*) FROM users WHERE site = '' AND id = ''");
    return query.run() ? Status() : query.failure("ping");
}

Status SqliteStore::notOpen() const {
    return {Code::StoreUnavailable, "sqlite: " + path_ + " is not open"};
}

// --- The batch

Status SqliteStore::begin(const Note&) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    if (batch_ == Batch::Open) {
        return {Code::Internal, "sqlite: begin() within a batch"};
    }
    const Status status = database_.begin();
    batch_ = status.ok() ? Batch::Open : Batch::None;
    return status;
}

Status SqliteStore::commit() {
    if (batch_ != Batch::Open) {
        return {Code::Internal, "sqlite: commit() without a batch"};
    }
    const Status status = database_.commit();
    batch_ = status.code() == Code::Internal ? Batch::Doubt : Batch::None;
    return status;
}

Status SqliteStore::abandon() {
    const Batch batch = std::exchange(batch_, Batch::None);
    if (batch == Batch::None || (batch == Batch::Open && database_.rollback())) {
        return {};
    }
    return {Code::Internal, "sqlite: unknown whether the batch was stored"};
}

Result<bool> SqliteStore::insertConversation(const Conversation& conversation) {
    Query insert(database_,
                 "INSERT INTO conversations (site, id, kind, subject, context_type,"
                 " context_id, starter, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                 " ON CONFLICT DO NOTHING");
    insert.bind(conversation.site).bind(conversation.id).bind(conversation.kind);
    insert.bind(conversation.subject).bind(conversation.contextType);
    insert.bind(conversation.contextId).bind(conversation.starter);
    insert.bind(conversation.createdAt);
    if (!insert.run()) {
        return insert.failure("inserting a conversation");
    }
    if (sqlite3_changes(database_.connection()) == 0) {
        return false;
    }
    for (const auto& name : conversation.members) {
        Query member(database_,
                     "INSERT INTO conversation_members (site, conversation, member)"
                     " VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
        member.bind(conversation.site).bind(conversation.id).bind(name);
        if (!member.run()) {
            return member.failure("inserting a conversation's members");
        }
    }
    return true;
}

Status SqliteStore::insertConversations(
    const std::vector<Conversation>& conversations) {
    if (batch_ != Batch::Open) {
        return {Code::Internal, "sqlite: a write without a batch"};
    }
    for (const auto& conversation : conversations) {
        const auto inserted = insertConversation(conversation);
        if (!inserted.ok()) {
            return inserted.status();
        }
    }
    return {};
}

// False: the sequence number or the key is taken.
Result<bool> SqliteStore::insertMessage(const Message& message) {
    Query insert(database_,
                 "INSERT INTO messages (site, conversation, seq, sender, sender_role,"
                 " member, ordinal, key, fingerprint, content, created_at)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    insert.bind(message.site).bind(message.conversation).bind(message.seq);
    insert.bind(message.sender).bind(message.senderRole).bind(message.member);
    insert.bind(message.ordinal).bind(message.key).bind(message.fingerprint);
    insert.bind(message.content).bind(message.createdAt);
    if (!insert.run()) {
        return insert.failure("inserting a message");
    }
    return sqlite3_changes(database_.connection()) == 1;
}

Result<std::vector<InsertResult>> SqliteStore::insertMessages(
    const std::vector<Message>& messages) {
    if (batch_ != Batch::Open) {
        return {Code::Internal, "sqlite: a write without a batch"};
    }
    std::vector<InsertResult> results;
    results.reserve(messages.size());
    std::map<ConversationRef, bool> stopped;
    for (const auto& message : messages) {
        bool& skip = stopped[{message.site, message.conversation}];
        if (skip) {
            results.push_back(InsertResult::Skipped);
            continue;
        }
        const auto inserted = insertMessage(message);
        if (!inserted.ok()) {
            return inserted.status();
        }
        skip = !inserted.value();
        results.push_back(skip ? InsertResult::Duplicate : InsertResult::Inserted);
    }
    return results;
}

Status SqliteStore::raise(const std::vector<Membership>& memberships) {
    if (batch_ != Batch::Open) {
        return {Code::Internal, "sqlite: a write without a batch"};
    }
    // On the right of SET stand the values from before; what changes nothing writes
    // nothing.
    constexpr const char* kRaise =
        "INSERT INTO memberships (site, conversation, member, last_seq, sent, read_seq,"
        " read_sent, activity, preview_seq, preview_sender, preview_content, "
        "preview_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (site, conversation, member) DO UPDATE SET"
        " activity = iif(excluded.last_seq > last_seq, excluded.activity, activity),"
        " preview_seq ="
        "  iif(excluded.last_seq > last_seq, excluded.preview_seq, preview_seq),"
        " preview_sender ="
        "  iif(excluded.last_seq > last_seq, excluded.preview_sender, preview_sender),"
        " preview_content ="
        "  iif(excluded.last_seq > last_seq, excluded.preview_content, "
        "preview_content),"
        " preview_at = iif(excluded.last_seq > last_seq, excluded.preview_at, "
        "preview_at),"
        " last_seq = max(last_seq, excluded.last_seq),"
        " sent = max(sent, excluded.sent),"
        " read_seq = max(read_seq, excluded.read_seq),"
        " read_sent = max(read_sent, excluded.read_sent)"
        " WHERE excluded.last_seq > last_seq OR excluded.sent > sent"
        " OR excluded.read_seq > read_seq OR excluded.read_sent > read_sent";
    for (const auto& to : memberships) {
        Query raise(database_, kRaise);
        raise.bind(to.site).bind(to.conversation).bind(to.member);
        raise.bind(to.lastSeq).bind(to.sent).bind(to.readSeq).bind(to.readSent);
        raise.bind(to.activity).bind(to.preview.seq).bind(to.preview.sender);
        raise.bind(to.preview.content).bind(to.preview.createdAt);
        if (!raise.run()) {
            return raise.failure("raising a membership");
        }
    }
    return {};
}

Status SqliteStore::putUsers(const std::vector<User>& users) {
    if (batch_ != Batch::Open) {
        return {Code::Internal, "sqlite: a write without a batch"};
    }
    for (const auto& user : users) {
        Query put(database_,
                  "INSERT INTO users (site, id, role, name) VALUES (?, ?, ?, ?)"
                  " ON CONFLICT (site, id) DO UPDATE"
                  " SET role = excluded.role, name = excluded.name"
                  " WHERE role <> excluded.role OR name <> excluded.name");
        put.bind(user.site).bind(user.id).bind(user.role).bind(user.name);
        if (!put.run()) {
            return put.failure("storing users");
        }
    }
    return {};
}

// --- Recovery and check

Result<std::vector<Note>> SqliteStore::notes(const std::string&) {
    return std::vector<Note>();
}

Status SqliteStore::dropNote(const std::string&) {
    return {};
}

Result<bool> SqliteStore::exchangeLocked(const std::optional<Membership>& from,
                                         const Membership& to) {
    Query change(
        database_,
        from
            ? "UPDATE memberships SET last_seq = ?, sent = ?, read_seq = ?, read_sent "
              "= ?,"
              " activity = ?, preview_seq = ?, preview_sender = ?, preview_content = ?,"
              " preview_at = ? WHERE site = ? AND conversation = ? AND member = ?"
              " AND last_seq = ? AND sent = ? AND read_seq = ? AND read_sent = ?"
              " AND activity = ? AND preview_seq = ? AND preview_sender = ?"
              " AND preview_content = ? AND preview_at = ?"
            : "INSERT INTO memberships (last_seq, sent, read_seq, read_sent, activity,"
              " preview_seq, preview_sender, preview_content, preview_at, site,"
              " conversation, member) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
              " ON CONFLICT DO NOTHING");
    const auto bindValues = [&change](const Membership& values) {
        change.bind(values.lastSeq).bind(values.sent).bind(values.readSeq);
        change.bind(values.readSent).bind(values.activity).bind(values.preview.seq);
        change.bind(values.preview.sender).bind(values.preview.content);
        change.bind(values.preview.createdAt);
    };
    bindValues(to);
    change.bind(to.site).bind(to.conversation).bind(to.member);
    if (from) {
        bindValues(*from);
    }
    if (!change.run()) {
        return change.failure("exchanging a membership");
    }
    return sqlite3_changes(database_.connection()) == 1;
}

Result<bool> SqliteStore::exchange(const std::optional<Membership>& from,
                                   const Membership& to) {
    Status status = begin({});
    if (!status.ok()) {
        return status;
    }
    auto exchanged = exchangeLocked(from, to);
    status = exchanged.ok() ? commit() : abandon();
    if (!status.ok()) {
        return status;
    }
    return exchanged;
}

}  // namespace sqlite
}  // namespace messaging::worker
