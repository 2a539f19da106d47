// A Store in memory that keeps store.hpp's word, and can be told to fail at any call,
// surely or unknown, and to let somebody else write in between. Complains where a
// caller breaks the contract. Several stores may stand on one database: several owners.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "worker/store.hpp"

namespace messaging::unit {

struct MemoryDatabase {
    using Ref = worker::ConversationRef;

    std::map<Ref, Conversation> conversations;
    std::map<Ref, std::map<uint64_t, Message>> messages;
    std::map<Ref, std::map<std::string, Membership>> memberships;
    std::map<std::tuple<Ref, std::string, std::string>, uint64_t> keys;  // to seq
    std::map<std::pair<std::string, std::string>, User> users;
    std::map<std::string, worker::Note> notes;      // by owner
    std::map<std::string, Revocation> revocations;  // by name

    // False: its number or its key is taken.
    bool insert(const Message& message);
    // The next message of this member, as another owner would store it; no membership.
    Message append(const Ref& ref, const std::string& member, const std::string& key);
    void raise(const Membership& to);
};

class MemoryStore : public worker::Store {
public:
    enum class Kind {
        Transactional,  // abandon() undoes
        Plain,          // what is written stays, noted before
    };
    enum class Fault {
        None,
        Definite,     // StoreUnavailable, nothing done
        UnknownNot,   // Internal, nothing done
        UnknownDone,  // Internal, but it was done
    };

    explicit MemoryStore(MemoryDatabase& database, Kind kind = Kind::Transactional)
        : database_(database), kind_(kind) {}

    // The n-th call from now (1: the next) fails, and `times - 1` after it.
    void failAt(size_t n, Fault fault, size_t times = 1);
    // Runs before every call that is named so ("" all), and is told its name.
    void before(std::string name, std::function<void()> run);
    std::vector<std::string> calls;       // names, in order
    std::vector<std::string> complaints;  // of what callers must not do
    size_t count(std::string_view name) const;

    Status open() override { return {}; }
    Status ping() override { return {}; }
    Result<std::optional<Conversation>> conversation(
        const worker::ConversationRef& ref) override;
    Result<std::vector<Conversation>> conversations(
        const std::vector<worker::ConversationRef>& refs) override;
    Result<std::vector<Message>> history(const worker::ConversationRef& ref,
                                         const HistoryArguments& range) override;
    Result<std::vector<Membership>> memberships(
        const worker::ConversationRef& ref) override;
    Result<std::vector<Membership>> membershipsOf(
        const std::vector<worker::ConversationRef>& refs) override;
    Result<std::vector<Message>> newest(
        const std::vector<worker::ConversationRef>& refs) override;
    Result<worker::Hits> search(const std::string& site,
                                const std::vector<std::string>& members,
                                const worker::SearchRange& range) override;
    Result<size_t> index(size_t most) override { return size_t{0}; }
    Result<std::vector<Membership>> list(const std::string& site,
                                         const std::string& member,
                                         const worker::ListRange& range) override;
    Result<worker::Unread> unread(const std::string& site,
                                  const std::string& member) override;
    Result<std::vector<User>> users(const std::string& site,
                                    const std::vector<std::string>& ids) override;
    Result<std::optional<Message>> messageByKey(const worker::ConversationRef& ref,
                                                const std::string& sender,
                                                const std::string& key) override;
    Result<uint64_t> ordinalAt(const worker::ConversationRef& ref,
                               const std::string& member, uint64_t seq) override;
    Result<std::map<worker::ConversationRef, worker::ConversationState>> load(
        const std::vector<worker::ConversationRef>& refs) override;

    Status begin(const worker::Note& note) override;
    Result<bool> insertConversations(
        const std::vector<Conversation>& conversations) override;
    Result<bool> change(uint64_t from, const Conversation& to) override;
    Result<std::vector<worker::InsertResult>> insertMessages(
        const std::vector<Message>& messages) override;
    Status raise(const std::vector<Membership>& memberships) override;
    Status putUsers(const std::vector<User>& users) override;
    Status hintUsers(const std::vector<User>& users) override;
    Status commit() override;
    Status abandon() override;

    Result<std::vector<worker::Note>> notes(const std::string& owner) override;
    Status dropNote(const std::string& owner) override;
    Status eachConversation(
        const std::function<bool(const worker::ConversationRef&)>& visit) override;
    Result<bool> exchange(const std::optional<Membership>& from,
                          const Membership& to) override;

    Status revoke(const Revocation& revocation) override;
    Result<std::vector<Revocation>> revocations(uint64_t now) override;
    Status forgetRevocations(uint64_t now) override;

private:
    // What this call must do.
    Fault enter(const char* name);
    static Status failure(Fault fault);
    // Runs `work` as the fault allows and answers for it.
    Status perform(const char* name, const std::function<void()>& work);
    void complain(const std::string& what) { complaints.push_back(what); }
    void checkNoted(const std::string& site, const std::string& conversation);
    void insertOne(const Message& message, bool* stopped,
                   std::vector<worker::InsertResult>* results);

    MemoryDatabase& database_;
    Kind kind_;
    std::multimap<std::string, std::function<void()>> hooks_;
    bool inHook_ = false;

    size_t failIn_ = 0;
    size_t failTimes_ = 0;
    Fault fault_ = Fault::None;

    bool batch_ = false;
    bool wrote_ = false;      // in this batch
    bool committed_ = false;  // or may be
    worker::Note note_;
    std::vector<std::function<void()>> undo_;
};

}  // namespace messaging::unit
