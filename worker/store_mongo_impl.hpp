// The class behind makeMongoStore, in three files: store_mongo_read.cpp,
// store_mongo_search.cpp and store_mongo_write.cpp; and how its documents read
// (store_mongo_documents.cpp).
#pragma once

#include <functional>
#include <initializer_list>
#include <utility>

#include "worker/store.hpp"
#include "worker/store_mongo_client.hpp"

namespace messaging::worker::mongo {

// --- Documents, as schema/mongodb.json has them

Document documentOf(const Conversation& conversation);
Document changesOf(const Conversation& conversation);
Document documentOf(const Message& message);
Document documentOf(const Membership& membership);
Document documentOf(const Preview& preview);
Conversation conversationFrom(const View& found);
Message messageFrom(const View& found);
Membership membershipFrom(const View& found);
// {OPERATION: value}
Document bound(const char* operation, uint64_t value);
// Options of a query.
Document sorted(std::initializer_list<std::pair<const char*, int>> keys,
                unsigned limit);
// {site, conversation}, {site, conversation, member}
Document filterOf(const ConversationRef& ref);
Document filterOf(const Membership& membership);

// What a bulk came to: ok, and which of its operations met a duplicate key. Any other
// failure is Internal, or StoreUnavailable where surely nothing of it was written.
struct BulkOutcome {
    Status status;
    std::vector<uint32_t> duplicates;
    bool wrote = false;    // something was stored, or that is unknown
    bool refused = false;  // the server itself said why, so that one may ask again
    uint64_t inserted = 0;
};

class MongoStore final : public Store {
public:
    explicit MongoStore(UniqueUri uri) : client_(std::move(uri)) {}

    Status open() override;
    Status ping() override;

    Result<std::optional<Conversation>> conversation(
        const ConversationRef& ref) override;
    Result<std::vector<Conversation>> conversations(
        const std::vector<ConversationRef>& refs) override;
    Result<std::vector<Message>> history(const ConversationRef& ref,
                                         const HistoryArguments& range) override;
    Result<std::vector<Membership>> memberships(const ConversationRef& ref) override;
    Result<std::vector<Membership>> membershipsOf(
        const std::vector<ConversationRef>& refs) override;
    Result<std::vector<Message>> newest(
        const std::vector<ConversationRef>& refs) override;
    Result<Hits> search(const std::string& site,
                        const std::vector<std::string>& members,
                        const SearchRange& range) override;
    Result<std::vector<Membership>> list(const std::string& site,
                                         const std::string& member,
                                         const ListRange& range) override;
    Result<Unread> unread(const std::string& site, const std::string& member) override;
    Result<std::vector<User>> users(const std::string& site,
                                    const std::vector<std::string>& ids) override;
    Result<std::optional<Message>> messageByKey(const ConversationRef& ref,
                                                const std::string& sender,
                                                const std::string& key) override;
    Result<uint64_t> ordinalAt(const ConversationRef& ref, const std::string& member,
                               uint64_t seq) override;
    Result<std::map<ConversationRef, ConversationState>> load(
        const std::vector<ConversationRef>& refs) override;

    Status begin(const Note& note) override;
    Result<bool> insertConversations(
        const std::vector<Conversation>& conversations) override;
    Result<bool> change(uint64_t from, const Conversation& to) override;
    Result<std::vector<InsertResult>> insertMessages(
        const std::vector<Message>& messages) override;
    Status raise(const std::vector<Membership>& memberships) override;
    Status putUsers(const std::vector<User>& users) override;
    Status hintUsers(const std::vector<User>& users) override;
    Status commit() override;
    Status abandon() override;

    Result<size_t> index(size_t most) override;

    Result<std::vector<Note>> notes(const std::string& owner) override;
    Status dropNote(const std::string& owner) override;
    Status eachConversation(
        const std::function<bool(const ConversationRef&)>& visit) override;
    Result<bool> exchange(const std::optional<Membership>& from,
                          const Membership& to) override;

    Status revoke(const Revocation& revocation) override;
    Result<std::vector<Revocation>> revocations(uint64_t now) override;
    Status forgetRevocations(uint64_t now) override;

private:
    struct Deadline;
    // Of a message that is not in the index yet.
    struct Entry {
        bson_oid_t id;
        Message message;
    };
    using Upsert = std::pair<Document, Document>;  // selector, update or pipeline

    // Runs a query to its end.
    template <typename Visit>
    Status read(UniqueCursor cursor, std::string_view what, Visit visit);
    template <typename Visit>
    Status find(Name name, const Document& filter, const Document& options,
                std::string_view what, Visit visit);
    // The results of several pipelines over messages, a few in one round trip.
    template <typename Visit>
    Status aggregateEach(const std::vector<Array>& pipelines, std::string_view what,
                         Visit visit);
    Status loadNewest(std::map<ConversationRef, ConversationState>& states);
    Status loadOrdinals(std::map<ConversationRef, ConversationState>& states);
    Status loadMemberships(std::map<ConversationRef, ConversationState>& states);

    using UserUpdate = std::function<void(const User& user, Document* update)>;
    Status writeUsers(const std::vector<User>& users, const UserUpdate& word);
    UniqueBulk bulk(Name name, bool ordered);
    BulkOutcome execute(mongoc_bulk_operation_t* bulk, std::string_view what);
    // What a write means to the batch: its code, and whether it can still be abandoned.
    Status settle(const Status& status, bool wrote);
    Status upsertAll(Name name, const std::vector<Upsert>& upserts,
                     std::string_view what);
    Status writeNote(const std::string& id, const std::vector<ConversationRef>& refs);
    Status keepNote();

    // A query of a search: past its time there is nothing, and `over` is set.
    template <typename Visit>
    Status findInTime(Name name, const Document& filter, Document options,
                      Deadline* deadline, Visit visit);
    Status findUnindexed(const std::string& site,
                         const std::vector<std::string>& members, const Words& words,
                         Deadline* deadline, std::vector<Hit>* hits);
    Result<std::vector<Entry>> unindexed(size_t most);
    Result<std::vector<Entry>> older(size_t most);
    Status writeEntries(std::vector<Entry>* entries);
    Status markIndexed(const std::vector<Entry>& entries);

    Client client_;
    Note note_;           // of the last begin()
    bool wrote_ = false;  // since then, and not committed
    // By owner: which of their notes the last notes() returned.
    std::map<std::string, bson_oid_t> seen_;
    bool olderDone_ = false;  // every message of before version 5 is in the index
};

template <typename Visit>
Status MongoStore::read(UniqueCursor cursor, std::string_view what, Visit visit) {
    const bson_t* found = nullptr;
    while (mongoc_cursor_next(cursor.get(), &found)) {
        visit(View(found));
    }
    bson_error_t error;
    return mongoc_cursor_error(cursor.get(), &error)
               ? client_.failure(Code::StoreUnavailable, what, error)
               : Status();
}

template <typename Visit>
Status MongoStore::find(Name name, const Document& filter, const Document& options,
                        std::string_view what, Visit visit) {
    const Status status = client_.ready();
    if (!status.ok()) {
        return status;
    }
    return read(UniqueCursor(mongoc_collection_find_with_opts(
                    client_.collection(name), filter.get(), options.get(), nullptr)),
                what, visit);
}

}  // namespace messaging::worker::mongo
