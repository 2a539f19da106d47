// What the SQLite store writes: a batch is BEGIN IMMEDIATE … COMMIT. Until commit()
// nothing is stored, so every failure before it is definite.
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <utility>

#include "worker/store_sqlite.hpp"
#include "worker/store_sqlite_impl.hpp"

namespace messaging::worker {

std::unique_ptr<Store> makeSqliteStore(std::string path) {
    return std::make_unique<sqlite::SqliteStore>(std::move(path));
}

namespace sqlite {
namespace {

// What nobody waits for is done in a thread that others wait for.
constexpr std::chrono::milliseconds kShortPatience{50};

}  // namespace

// --- Connection

Status SqliteStore::open() {
    batch_ = Batch::None;
    names_.forget();
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
    Query query(database_, "SELECT count(*) FROM users WHERE id = 0");
    return query.run() ? Status() : query.failure("ping");
}

Status SqliteStore::notOpen() const {
    return {Code::StoreUnavailable, "sqlite: " + path_ + " is not open"};
}

// --- The batch

Status SqliteStore::begin(const Note& note) {
    Status status = beginnable();
    return status.ok() ? openBatch(database_.begin(), note) : status;
}

Result<bool> SqliteStore::tryBegin(const Note& note) {
    if (Status status = beginnable(); !status.ok()) {
        return status;
    }
    const Result<bool> begun = database_.tryBegin(kShortPatience);
    if (!begun.ok() || !begun.value()) {
        return begun;
    }
    const Status status = openBatch({}, note);
    return status.ok() ? Result<bool>(true) : status;
}

Status SqliteStore::beginnable() const {
    if (!database_.isOpen()) {
        return notOpen();
    }
    return batch_ == Batch::Open
               ? Status(Code::Internal, "sqlite: begin() within a batch")
               : Status();
}

Status SqliteStore::openBatch(Status begun, const Note& note) {
    batch_ = begun.ok() ? Batch::Open : Batch::None;
    if (begun.ok() && !note.conversations.empty()) {
        begun = writeNote(note);
    }
    if (!begun.ok() && batch_ == Batch::Open) {
        return {abandon().ok() ? Code::StoreUnavailable : Code::Internal,
                begun.detail()};
    }
    return begun;
}

// As numbers, parted by spaces.
Status SqliteStore::writeNote(const Note& note) {
    std::string numbers;
    for (const auto& ref : note.conversations) {
        const auto number = names_.make(ref.site, ref.id);
        if (!number.ok()) {
            return number.status();
        }
        numbers += numbers.empty() ? "" : " ";
        numbers += std::to_string(number.value());
    }
    Query put(database_,
              "INSERT INTO notes (owner, conversations) VALUES (?, ?)"
              " ON CONFLICT (owner) DO UPDATE"
              " SET conversations = excluded.conversations");
    put.bind(note.owner).bind(numbers);
    return put.run() ? Status() : put.failure("writing the note");
}

Status SqliteStore::commit() {
    if (batch_ != Batch::Open) {
        return {Code::Internal, "sqlite: commit() without a batch"};
    }
    const Status status = database_.commit();
    batch_ = status.code() == Code::Internal ? Batch::Doubt : Batch::None;
    if (!status.ok()) {
        names_.forget();
    }
    return status;
}

Status SqliteStore::abandon() {
    names_.forget();
    const Batch batch = std::exchange(batch_, Batch::None);
    const bool undone = batch == Batch::Open && database_.rollback();
    if (batch != Batch::None) {
        database_.relieve();
    }
    if (batch == Batch::None || undone) {
        return {};
    }
    return {Code::Internal, "sqlite: unknown whether the batch was stored"};
}

Result<bool> SqliteStore::insertConversation(const Conversation& conversation) {
    const auto number = names_.make(conversation.site, conversation.id);
    const auto starter = names_.make(conversation.site, conversation.starter);
    const auto forward = names_.make(conversation.site, conversation.forward);
    for (const auto* name : {&number, &starter, &forward}) {
        if (!name->ok()) {
            return name->status();
        }
    }
    Query insert(database_,
                 "INSERT INTO conversations (id, kind, subject, context_type,"
                 " context_id, starter, created_at, forward)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                 " ON CONFLICT DO NOTHING");
    insert.bind(number.value()).bind(conversation.kind).bind(conversation.subject);
    insert.bind(conversation.context.type).bind(conversation.context.id);
    insert.bind(starter.value()).bind(conversation.createdAt).bind(forward.value());
    if (!insert.run()) {
        return insert.failure("inserting a conversation");
    }
    if (sqlite3_changes(database_.connection()) == 0) {
        return false;
    }
    for (const auto& name : conversation.members) {
        const auto member = names_.make(conversation.site, name);
        if (!member.ok()) {
            return member.status();
        }
        Query insertMember(database_,
                           "INSERT INTO conversation_members (conversation, member)"
                           " VALUES (?, ?) ON CONFLICT DO NOTHING");
        insertMember.bind(number.value()).bind(member.value());
        if (!insertMember.run()) {
            return insertMember.failure("inserting a conversation's members");
        }
    }
    return true;
}

Result<bool> SqliteStore::insertConversations(
    const std::vector<Conversation>& conversations) {
    if (batch_ != Batch::Open) {
        return {Code::Internal, "sqlite: a write without a batch"};
    }
    bool all = true;
    for (const auto& conversation : conversations) {
        const auto inserted = insertConversation(conversation);
        if (!inserted.ok()) {
            return inserted.status();
        }
        all = all && inserted.value();
    }
    return all;
}

Result<bool> SqliteStore::change(uint64_t from, const Conversation& to) {
    if (batch_ != Batch::Open) {
        return {Code::Internal, "sqlite: a write without a batch"};
    }
    const auto number = names_.find(to.site, to.id);
    if (!number.ok()) {
        return number.status();
    }
    std::string changes;
    for (const auto& mark : to.changes) {
        changes += (changes.empty() ? "" : " ") + mark;
    }
    Query update(database_,
                 "UPDATE conversations SET subject = ?, closed = ?, closed_seq = ?,"
                 " rev = ?, changes = ? WHERE id = ? AND rev = ?");
    update.bind(to.subject).bind(uint64_t{to.closed}).bind(to.closedSeq);
    update.bind(to.rev).bind(changes).bind(number.value()).bind(from);
    if (!update.run()) {
        return update.failure("changing a conversation");
    }
    if (sqlite3_changes(database_.connection()) == 0) {
        return false;
    }
    for (const auto& name : to.members) {
        const auto member = names_.find(to.site, name);
        if (!member.ok()) {
            return member.status();
        }
        Query archive(database_,
                      "UPDATE conversation_members SET archived = ?1"
                      " WHERE conversation = ?2 AND member = ?3 AND archived <> ?1");
        archive.bind(uint64_t{isArchived(to, name)});
        archive.bind(number.value()).bind(member.value());
        if (!archive.run()) {
            return archive.failure("archiving a conversation");
        }
    }
    return true;
}

// False: the sequence number or the key is taken.
Result<bool> SqliteStore::insertMessage(const Message& message) {
    const auto conversation = names_.make(message.site, message.conversation);
    const auto sender = names_.make(message.site, message.sender);
    const auto member = names_.make(message.site, message.member);
    for (const auto* number : {&conversation, &sender, &member}) {
        if (!number->ok()) {
            return number->status();
        }
    }
    Query insert(database_,
                 "INSERT INTO messages (conversation, seq, sender, sender_role, member,"
                 " ordinal, key, fingerprint, content, created_at, context_type,"
                 " context_id, type, data, crowd)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
                 " (SELECT count(*) <> 2 FROM conversation_members"
                 "  WHERE conversation = ?1)) ON CONFLICT DO NOTHING");
    insert.bind(conversation.value()).bind(message.seq).bind(sender.value());
    insert.bind(message.senderRole).bind(member.value()).bind(message.ordinal);
    insert.bind(message.key).bind(message.fingerprint);
    insert.bind(message.content).bind(message.createdAt);
    insert.bind(message.context.type).bind(message.context.id);
    insert.bind(message.type).bind(message.data);
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

Result<SqliteStore::Numbers> SqliteStore::numbersOf(const Membership& membership) {
    const auto conversation = names_.make(membership.site, membership.conversation);
    const auto member = names_.make(membership.site, membership.member);
    const auto sender = names_.make(membership.site, membership.preview.sender);
    for (const auto* number : {&conversation, &member, &sender}) {
        if (!number->ok()) {
            return number->status();
        }
    }
    return Numbers{conversation.value(), member.value(), sender.value()};
}

Status SqliteStore::raise(const std::vector<Membership>& memberships) {
    if (batch_ != Batch::Open) {
        return {Code::Internal, "sqlite: a write without a batch"};
    }
    // On the right of SET stand the values from before; what changes nothing writes
    // nothing.
    constexpr const char* kRaise =
        "INSERT INTO memberships (conversation, member, last_seq, sent, read_seq,"
        " read_sent, activity, preview_seq, preview_sender, preview_content,"
        " preview_at, rev, closed, archived)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (conversation, member) DO UPDATE SET"
        " closed = iif(excluded.rev > rev, excluded.closed, closed),"
        " archived = iif(excluded.rev > rev, excluded.archived, archived),"
        " rev = max(rev, excluded.rev),"
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
        " OR excluded.read_seq > read_seq OR excluded.read_sent > read_sent"
        " OR excluded.rev > rev";
    for (const auto& to : memberships) {
        const auto numbers = numbersOf(to);
        if (!numbers.ok()) {
            return numbers.status();
        }
        Query raise(database_, kRaise);
        raise.bind(numbers->conversation).bind(numbers->member);
        raise.bind(to.lastSeq).bind(to.sent).bind(to.readSeq).bind(to.readSent);
        raise.bind(to.activity).bind(to.preview.seq).bind(numbers->sender);
        raise.bind(to.preview.content).bind(to.preview.createdAt);
        raise.bind(to.rev).bind(uint64_t{to.closed}).bind(uint64_t{to.archived});
        if (!raise.run()) {
            return raise.failure("raising a membership");
        }
    }
    return {};
}

Status SqliteStore::putUsers(const std::vector<User>& users) {
    return writeUsers(users,
                      "INSERT INTO users (id, role, name) VALUES (?, ?, ?)"
                      " ON CONFLICT (id) DO UPDATE SET role = excluded.role,"
                      " name = coalesce(nullif(excluded.name, ''), name)"
                      " WHERE role <> excluded.role OR"
                      " excluded.name NOT IN (name, '')");
}

Status SqliteStore::hintUsers(const std::vector<User>& users) {
    return writeUsers(users,
                      "INSERT INTO users (id, role, name) VALUES (?, ?, ?)"
                      " ON CONFLICT (id) DO NOTHING");
}

Status SqliteStore::writeUsers(const std::vector<User>& users, const char* statement) {
    if (batch_ != Batch::Open) {
        return {Code::Internal, "sqlite: a write without a batch"};
    }
    for (const auto& user : users) {
        const auto number = names_.make(user.site, user.id);
        if (!number.ok()) {
            return number.status();
        }
        Query put(database_, statement);
        put.bind(number.value()).bind(user.role).bind(user.name);
        if (!put.run()) {
            return put.failure("storing users");
        }
    }
    return {};
}

// --- Recovery and check

Result<std::vector<Note>> SqliteStore::notes(const std::string& owner) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    seen_.clear();
    {
        Query query(database_,
                    "SELECT owner, conversations FROM notes"
                    " WHERE owner <> ?");
        query.bind(owner);
        while (query.row()) {
            std::string other = query.text();
            seen_.emplace(std::move(other), query.text());
        }
        if (!query.ok()) {
            return query.failure("reading notes");
        }
    }
    std::vector<Note> notes;
    for (const auto& [other, numbers] : seen_) {
        Note note{other, {}};
        std::istringstream list(numbers);
        for (uint64_t number = 0; list >> number;) {
            Query query(database_, "SELECT site, name FROM names WHERE id = ?");
            query.bind(number);
            if (query.row()) {
                std::string site = query.text();
                note.conversations.push_back({std::move(site), query.text()});
            }
            if (!query.ok()) {
                return query.failure("reading notes");
            }
        }
        notes.push_back(std::move(note));
    }
    return notes;
}

Status SqliteStore::dropNote(const std::string& owner) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    // An owner that lives may have written its next note meanwhile, which nobody has
    // read.
    const auto seen = seen_.find(owner);
    Query drop(database_,
               seen == seen_.end()
                   ? "DELETE FROM notes WHERE owner = ?"
                   : "DELETE FROM notes WHERE owner = ? AND conversations = ?");
    drop.bind(owner);
    if (seen != seen_.end()) {
        drop.bind(seen->second);
    }
    return drop.run() ? Status() : drop.failure("dropping a note");
}

Result<bool> SqliteStore::exchangeLocked(const std::optional<Membership>& from,
                                         const Membership& to) {
    Query change(
        database_,
        from ? "UPDATE memberships SET last_seq = ?, sent = ?, read_seq = ?,"
               " read_sent = ?, activity = ?, preview_seq = ?, preview_sender = ?,"
               " preview_content = ?, preview_at = ?, rev = ?, closed = ?,"
               " archived = ? WHERE conversation = ? AND member = ?"
               " AND last_seq = ? AND sent = ? AND read_seq = ? AND read_sent = ?"
               " AND activity = ? AND preview_seq = ? AND preview_sender = ?"
               " AND preview_content = ? AND preview_at = ? AND rev = ?"
               " AND closed = ? AND archived = ?"
             : "INSERT INTO memberships (last_seq, sent, read_seq, read_sent, activity,"
               " preview_seq, preview_sender, preview_content, preview_at, rev,"
               " closed, archived, conversation, member)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
               " ON CONFLICT DO NOTHING");
    const auto bindValues = [&change](const Membership& values, uint64_t sender) {
        change.bind(values.lastSeq).bind(values.sent).bind(values.readSeq);
        change.bind(values.readSent).bind(values.activity).bind(values.preview.seq);
        change.bind(sender).bind(values.preview.content);
        change.bind(values.preview.createdAt).bind(values.rev);
        change.bind(uint64_t{values.closed}).bind(uint64_t{values.archived});
    };
    const auto numbers = numbersOf(to);
    const auto before = numbersOf(from.value_or(to));
    if (!numbers.ok() || !before.ok()) {
        return numbers.ok() ? before.status() : numbers.status();
    }
    bindValues(to, numbers->sender);
    change.bind(numbers->conversation).bind(numbers->member);
    if (from) {
        bindValues(*from, before->sender);
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
