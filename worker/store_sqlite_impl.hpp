// The class behind makeSqliteStore, in three files: store_sqlite_read.cpp,
// store_sqlite_search.cpp and store_sqlite_write.cpp.
#pragma once

#include "worker/store.hpp"
#include "worker/store_sqlite_db.hpp"
#include "worker/store_sqlite_names.hpp"

namespace messaging::worker::sqlite {

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

class SqliteStore final : public Store {
public:
    explicit SqliteStore(std::string path) : path_(std::move(path)) {}

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
    Result<bool> tryBegin(const Note& note) override;
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
    // None: no batch. Open: its transaction is. Doubt: its commit's outcome is unknown.
    enum class Batch { None, Open, Doubt };

    // Of a membership: its conversation, its member, the sender of its preview.
    struct Numbers {
        uint64_t conversation = 0;
        uint64_t member = 0;
        uint64_t sender = 0;
    };

    // A message and its place in the index: of one that is not in it yet, the place
    // that it will get.
    struct Found {
        uint64_t place = 0;
        ConversationRef ref;
        uint64_t seq = 0;
    };
    struct Entry {
        uint64_t place = 0;
        uint64_t message = 0;
        std::string words;
    };

    Status notOpen() const;
    Status beginnable() const;
    Status openBatch(Status begun, const Note& note);
    Status findUnindexed(const std::string& site, const std::string& numbers,
                         const Words& words, uint64_t below, std::vector<Found>* found);
    Status findIndexed(const std::string& site, const std::string& question,
                       uint64_t below, unsigned limit, std::vector<Found>* found);
    Result<uint64_t> indexedUpTo();
    Result<std::vector<Entry>> unindexed(uint64_t from, size_t most);
    Status writeEntry(const Entry& entry);
    Status writeEntries(uint64_t from, uint64_t upTo,
                        const std::vector<Entry>& entries);
    Result<uint64_t> numberOf(const std::string& site, const std::string& name);
    Status writeNote(const Note& note);
    Result<Numbers> numbersOf(const Membership& membership);
    Result<bool> insertConversation(const Conversation& conversation);
    Result<bool> insertMessage(const Message& message);
    Result<bool> exchangeLocked(const std::optional<Membership>& from,
                                const Membership& to);
    Status writeUsers(const std::vector<User>& users, const char* statement);
    Result<std::optional<ConversationState>> loadOne(const ConversationRef& ref);

    std::string path_;
    Database database_;
    Names names_{database_};
    Batch batch_ = Batch::None;
    std::map<std::string, std::string> seen_;  // notes, as notes() last found them
};

}  // namespace messaging::worker::sqlite
