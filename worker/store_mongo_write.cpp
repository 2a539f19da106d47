// What the MongoDB store writes. There is no transaction: messages are inserted in
// order, so that a conversation never has a hole, and memberships follow by maxima,
// which may be late or come twice. The note from begin() says which conversations a
// batch that died between the two has left behind; a note is written over only after
// its batch was committed.
#include <algorithm>
#include <chrono>

#include "worker/store_mongo.hpp"
#include "worker/store_mongo_impl.hpp"

namespace messaging::worker {

Result<std::unique_ptr<Store>> makeMongoStore(const std::string& uri) {
    auto parsed = mongo::parseUri(uri);
    if (!parsed.ok()) {
        return parsed.status();
    }
    return std::unique_ptr<Store>(
        std::make_unique<mongo::MongoStore>(std::move(parsed.value())));
}

namespace mongo {
namespace {

constexpr uint64_t kDuplicateKey = 11000;

// Rounds of one write that met another writer's. Whom another's upsert of the same
// document beat finds it there in the next round; what the server itself broke off (a
// deadlock, a write conflict) is asked again: the unique keys make that harmless. More
// would be no race.
constexpr int kRounds = 5;

uint64_t now() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

uint64_t unreadOf(const Membership& membership) {
    const uint64_t others = membership.lastSeq - membership.sent;
    const uint64_t read = membership.readSeq - membership.readSent;
    return others > read ? others - read : 0;
}

// {$max: ["$field", value]}: of our field names only.
Document maximum(const char* field, uint64_t value) {
    Document document;
    document.array("$max", Array().text(field).number(value));
    return document;
}

Document difference(const char* left, const char* right) {
    Document document;
    document.array("$subtract", Array().text(left).text(right));
    return document;
}

// {$cond: [condition, value, "$field"]}
Document choice(const Document& condition, bool value, const char* field) {
    Document literal, document;
    literal.flag("$literal", value);
    document.array("$cond", Array().document(condition).document(literal).text(field));
    return document;
}

// The pipeline of raise(). Its first stage sees the document as it was, its second what
// the first made of it. What users wrote stands under $literal, or "$x" would be a
// field.
Document raisePipeline(const Membership& to) {
    Document rises, literal, activity, preview, values, set;
    rises.array("$gt", Array().number(to.lastSeq).text("$lastSeq"));  // absent is least
    activity.array("$cond",
                   Array().document(rises).number(to.activity).text("$activity"));
    literal.document("$literal", documentOf(to.preview));
    preview.array("$cond", Array().document(rises).document(literal).text("$preview"));
    values.document("activity", activity).document("preview", preview);
    values.document("lastSeq", maximum("$lastSeq", to.lastSeq));
    values.document("sent", maximum("$sent", to.sent));
    values.document("readSeq", maximum("$readSeq", to.readSeq));
    values.document("readSent", maximum("$readSent", to.readSent));
    // Conversations that never changed and have no context need none of this.
    if (to.rev > 0) {
        Document newer;
        newer.array("$gt", Array().number(to.rev).text("$rev"));
        values.document("rev", maximum("$rev", to.rev));
        values.document("closed", choice(newer, to.closed, "$closed"));
        values.document("archived", choice(newer, to.archived, "$archived"));
    }
    if (!to.context.type.empty()) {
        Document type, id;
        values.document("contextType", type.text("$literal", to.context.type));
        values.document("contextId", id.text("$literal", to.context.id));
    }
    set.document("$set", values);

    Document unread, atLeast, derived, setDerived;
    unread.array("$subtract", Array()
                                  .document(difference("$lastSeq", "$sent"))
                                  .document(difference("$readSeq", "$readSent")));
    atLeast.array("$max", Array().number(0).document(unread));
    setDerived.document("$set", derived.document("unread", atLeast));

    // An update that is an array is a pipeline; libmongoc tells by its keys "0", "1".
    Document pipeline;
    pipeline.document("0", set).document("1", setDerived);
    return pipeline;
}

Document upsertOption() {
    Document options;
    options.flag("upsert", true);
    return options;
}

}  // namespace

// --- Connection

Status MongoStore::open() {
    return client_.open();
}

Status MongoStore::ping() {
    return client_.ping();
}

// --- Bulks

UniqueBulk MongoStore::bulk(Name name, bool ordered) {
    Document options;
    options.flag("ordered", ordered);
    return UniqueBulk(mongoc_collection_create_bulk_operation_with_opts(
        client_.collection(name), options.get()));
}

BulkOutcome MongoStore::execute(mongoc_bulk_operation_t* bulk, std::string_view what) {
    BulkOutcome outcome;
    bson_t reply;
    bson_error_t error = {};
    const bool executed = mongoc_bulk_operation_execute(bulk, &reply, &error) != 0;
    const View view(&reply);
    bool others = false;
    view.eachDocument("writeErrors", [&](const View& one) {
        if (one.number("code") == kDuplicateKey) {
            outcome.duplicates.push_back(static_cast<uint32_t>(one.number("index")));
        } else {
            others = true;
        }
    });
    view.eachDocument("writeConcernErrors", [&](const View&) { others = true; });
    const uint64_t stored =
        view.number("nInserted") + view.number("nUpserted") + view.number("nMatched");
    // With server selection it failed before a byte was sent.
    const bool sent = error.domain != MONGOC_ERROR_SERVER_SELECTION;
    if (!executed && (others || outcome.duplicates.empty())) {
        outcome.status = client_.failure(sent ? Code::Internal : Code::StoreUnavailable,
                                         what, error);
    }
    outcome.wrote = stored > 0 || (!outcome.status.ok() && sent);
    outcome.inserted = view.number("nInserted");
    outcome.refused = !outcome.status.ok() && error.domain == MONGOC_ERROR_SERVER;
    bson_destroy(&reply);
    return outcome;
}

Status MongoStore::settle(const Status& status, bool wrote) {
    wrote_ = wrote_ || wrote;
    return status.ok() || !wrote_ ? status : Status(Code::Internal, status.detail());
}

Status MongoStore::upsertAll(Name name, const std::vector<Upsert>& upserts,
                             std::string_view what) {
    std::vector<const Upsert*> left;
    for (const auto& upsert : upserts) {
        left.push_back(&upsert);
    }
    for (int round = 0; round < kRounds && !left.empty(); ++round) {
        Status status = client_.ready();
        if (!status.ok()) {
            return settle(status, false);
        }
        const UniqueBulk operations = bulk(name, false);
        const Document options = upsertOption();
        for (const Upsert* upsert : left) {
            bson_error_t error;
            if (!mongoc_bulk_operation_update_one_with_opts(
                    operations.get(), upsert->first.get(), upsert->second.get(),
                    options.get(), &error)) {
                return settle(client_.failure(Code::StoreUnavailable, what, error),
                              false);
            }
        }
        const BulkOutcome outcome = execute(operations.get(), what);
        status = settle(outcome.status, outcome.wrote);
        if (!status.ok() && outcome.refused && round + 1 < kRounds) {
            continue;
        }
        if (!status.ok()) {
            return status;
        }
        std::vector<const Upsert*> again;
        for (const uint32_t index : outcome.duplicates) {
            again.push_back(left.at(index));
        }
        left = std::move(again);
    }
    return left.empty() ? Status()
                        : Status(Code::Internal, "mongodb: " + std::string(what) +
                                                     ": duplicates without end");
}

// --- The batch

Status MongoStore::writeNote(const std::string& id,
                             const std::vector<ConversationRef>& refs) {
    Document filter, note;
    Array conversations;
    for (const auto& ref : refs) {
        conversations.document(Document().text("site", ref.site).text("id", ref.id));
    }
    filter.text("_id", id);
    bson_oid_t stamp;
    bson_oid_init(&stamp, nullptr);
    note.oid("stamp", stamp).number("at", now());
    note.array("conversations", conversations);
    const Document options = upsertOption();
    Status status;
    // A note may be written twice, so a connection that died unnoticed costs no batch.
    for (int attempt = 0; attempt < 2; ++attempt) {
        status = client_.ready();
        if (!status.ok()) {
            return status;
        }
        bson_error_t error;
        if (mongoc_collection_replace_one(client_.collection(Name::Notes), filter.get(),
                                          note.get(), options.get(), nullptr, &error)) {
            return {};
        }
        status = client_.failure(Code::StoreUnavailable, "writing the note", error);
        if (error.domain != MONGOC_ERROR_STREAM) {
            return status;
        }
    }
    return status;
}

// The last batch failed halfway: what it noted goes on standing, under a name that is
// nobody's own, until somebody rolls it forward.
Status MongoStore::keepNote() {
    if (!wrote_ || note_.conversations.empty()) {
        wrote_ = false;
        return {};
    }
    bson_oid_t unique;
    bson_oid_init(&unique, nullptr);
    char name[25];
    bson_oid_to_string(&unique, name);
    const Status status = writeNote(note_.owner + "/" + name, note_.conversations);
    wrote_ = wrote_ && !status.ok();
    return status;
}

Status MongoStore::begin(const Note& note) {
    const Status status = keepNote();
    if (!status.ok()) {
        return status;
    }
    note_ = note;
    return note.conversations.empty() ? client_.ready()
                                      : writeNote(note.owner, note.conversations);
}

Result<bool> MongoStore::insertConversations(
    const std::vector<Conversation>& conversations) {
    if (conversations.empty()) {
        return true;
    }
    Status status = client_.ready();
    if (!status.ok()) {
        return settle(status, false);
    }
    const UniqueBulk operations = bulk(Name::Conversations, false);
    for (const auto& conversation : conversations) {
        mongoc_bulk_operation_insert(operations.get(), documentOf(conversation).get());
    }
    const BulkOutcome outcome = execute(operations.get(), "inserting conversations");
    status = settle(outcome.status, outcome.wrote);
    return status.ok() ? Result<bool>(outcome.duplicates.empty()) : status;
}

Result<bool> MongoStore::change(uint64_t from, const Conversation& to) {
    const Status status = client_.ready();
    if (!status.ok()) {
        return settle(status, false);
    }
    Document filter, set;
    filter.text("site", to.site).text("id", to.id);
    if (from == 0) {
        filter.null("rev");  // never changed: there is none
    } else {
        filter.number("rev", from);
    }
    set.document("$set", changesOf(to));
    bson_t reply;
    bson_error_t error;
    const bool done =
        mongoc_collection_update_one(client_.collection(Name::Conversations),
                                     filter.get(), set.get(), nullptr, &reply, &error);
    const bool matched = View(&reply).number("matchedCount") == 1;
    bson_destroy(&reply);
    if (!done) {
        const Status failed =
            client_.failure(Code::Internal, "changing a conversation", error);
        return settle(failed, true);
    }
    wrote_ = wrote_ || matched;
    return matched;
}

Result<std::vector<InsertResult>> MongoStore::insertMessages(
    const std::vector<Message>& messages) {
    std::vector<InsertResult> results(messages.size(), InsertResult::Skipped);
    std::vector<size_t> left(messages.size());
    for (size_t i = 0; i < left.size(); ++i) {
        left[i] = i;
    }
    // An ordered bulk ends at the first duplicate: what stands behind it goes into the
    // next one, without the rest of that conversation.
    for (int refusals = 0; !left.empty();) {
        Status status = client_.ready();
        if (!status.ok()) {
            return settle(status, false);
        }
        const UniqueBulk operations = bulk(Name::Messages, true);
        for (const size_t i : left) {
            Document document = documentOf(messages[i]);
            document.flag("fresh", true);  // not in the index of words yet
            mongoc_bulk_operation_insert(operations.get(), document.get());
        }
        const BulkOutcome outcome = execute(operations.get(), "inserting messages");
        status = settle(outcome.status, outcome.wrote);
        if (!status.ok() && !(outcome.refused && ++refusals < kRounds)) {
            return status;
        }
        size_t stored = status.ok() ? left.size() : outcome.inserted;
        if (!outcome.duplicates.empty()) {
            stored = outcome.duplicates.front();
        }
        for (size_t n = 0; n < stored; ++n) {
            results[left[n]] = InsertResult::Inserted;
        }
        if (outcome.duplicates.empty()) {
            left.erase(left.begin(), left.begin() + static_cast<ptrdiff_t>(stored));
            continue;
        }
        const Message& duplicate = messages[left[stored]];
        results[left[stored]] = InsertResult::Duplicate;
        left.erase(left.begin(), left.begin() + static_cast<ptrdiff_t>(stored) + 1);
        left.erase(std::remove_if(left.begin(), left.end(),
                                  [&](size_t i) {
                                      return messages[i].site == duplicate.site &&
                                             messages[i].conversation ==
                                                 duplicate.conversation;
                                  }),
                   left.end());
    }
    return results;
}

Status MongoStore::raise(const std::vector<Membership>& memberships) {
    std::vector<Upsert> upserts;
    for (const auto& membership : memberships) {
        upserts.emplace_back(filterOf(membership), raisePipeline(membership));
    }
    return upsertAll(Name::Memberships, upserts, "raising memberships");
}

Status MongoStore::putUsers(const std::vector<User>& users) {
    return writeUsers(users, [](const User& user, Document* update) {
        Document says, otherwise;
        says.text("role", user.role);
        (user.name.empty() ? otherwise : says).text("name", user.name);
        update->document("$set", says);
        if (user.name.empty()) {
            update->document("$setOnInsert", otherwise);
        }
    });
}

Status MongoStore::hintUsers(const std::vector<User>& users) {
    return writeUsers(users, [](const User& user, Document* update) {
        Document values;
        values.text("role", user.role).text("name", user.name);
        update->document("$setOnInsert", values);
    });
}

Status MongoStore::writeUsers(const std::vector<User>& users, const UserUpdate& word) {
    // A bulk without order must not name anybody twice.
    std::map<ConversationRef, const User*> newest;
    for (const auto& user : users) {
        newest[{user.site, user.id}] = &user;
    }
    std::vector<Upsert> upserts;
    for (const auto& [ref, user] : newest) {
        Document filter, update;
        filter.text("site", user->site).text("id", user->id);
        word(*user, &update);
        upserts.emplace_back(std::move(filter), std::move(update));
    }
    return upsertAll(Name::Users, upserts, "storing users");
}

Status MongoStore::commit() {
    // All is stored. The note stays until the next begin() writes over it: what is
    // stored was perhaps not said.
    wrote_ = false;
    return {};
}

Status MongoStore::abandon() {
    return wrote_ ? Status(Code::Internal, "mongodb: part of the batch may be stored")
                  : Status();
}

// --- Recovery and check

Status MongoStore::dropNote(const std::string& owner) {
    Status status = client_.ready();
    if (!status.ok()) {
        return status;
    }
    Document filter;
    filter.text("_id", owner);
    // An owner that lives may have written its next note meanwhile, which nobody has
    // read.
    if (const auto seen = seen_.find(owner); seen != seen_.end()) {
        filter.oid("stamp", seen->second);
    }
    bson_error_t error;
    if (!mongoc_collection_delete_one(client_.collection(Name::Notes), filter.get(),
                                      nullptr, nullptr, &error)) {
        return client_.failure(Code::Internal, "dropping a note", error);
    }
    return {};
}

Result<bool> MongoStore::exchange(const std::optional<Membership>& from,
                                  const Membership& to) {
    Status status = client_.ready();
    if (!status.ok()) {
        return status;
    }
    Document target = documentOf(to);
    target.number("unread", unreadOf(to));
    bson_error_t error;
    if (!from) {
        if (mongoc_collection_insert_one(client_.collection(Name::Memberships),
                                         target.get(), nullptr, nullptr, &error)) {
            return true;
        }
        if (error.code == kDuplicateKey) {
            return false;
        }
        return client_.failure(Code::Internal, "exchanging a membership", error);
    }
    Document set;
    set.document("$set", target);
    bson_t reply;
    const bool done = mongoc_collection_update_one(
        client_.collection(Name::Memberships), documentOf(*from).get(), set.get(),
        nullptr, &reply, &error);
    const bool matched = View(&reply).number("matchedCount") == 1;
    bson_destroy(&reply);
    if (!done) {
        return client_.failure(Code::Internal, "exchanging a membership", error);
    }
    return matched;
}

}  // namespace mongo
}  // namespace messaging::worker
