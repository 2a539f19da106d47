// One batch of writes, from entries to effects, in three steps: plan (writer_plan.cpp)
// reads and decides, store (writer_store.cpp, with changes in writer_change.cpp and
// names in writer_names.cpp) numbers and inserts, say (writer_say.cpp) goes through the
// entries in their order, settles numbers and words replies and events. Messages that
// a profile sends by itself join in writer_confirm.cpp.
//
// What a batch changes in memory goes back to the cache only when the store has
// confirmed it: a batch that fails takes the conversations that it touched with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "worker/handler.hpp"
#include "worker/writer_cache.hpp"

namespace messaging::worker {

// Events by inbox, in order. Those of one inbox leave together: each costs Redis a
// script.
class Outbox {
public:
    // `site` and `member` must outlive the outbox.
    void add(std::string_view site, std::string_view member, std::string_view type,
             std::string data);
    std::vector<Publication> take() { return std::move(publications_); }

private:
    // Well below what a module believes (kMaxEvent); one message fits for sure.
    static constexpr size_t kMostBytes = 128 * 1024;

    using Inbox = std::pair<std::string_view, std::string_view>;
    struct InboxHash {
        size_t operator()(const Inbox& inbox) const {
            const std::hash<std::string_view> hash;
            return hash(inbox.second) ^ (hash(inbox.first) * 0x9E3779B97F4A7C15u);
        }
    };
    struct Open {
        size_t index = 0;
        size_t bytes = 0;
    };

    std::vector<Publication> publications_;
    std::unordered_map<Inbox, Open, InboxHash> open_;
};

// One entry on its way through a batch.
struct Task {
    const Delivered* in = nullptr;
    bool dropped = false;  // no effect and no reply
    Code code = Code::Ok;  // why it was refused
    std::string field;

    Live* live = nullptr;
    size_t seat = 0;               // the caller's
    StartArguments start;          // Start
    bool opened = false;           // Start: the conversation is new
    std::optional<uint64_t> upTo;  // Read
    ChangeArguments change;        // Change
    std::string mark;              // Change: by which it is known again
    bool changed = false;          // Change: it was made now

    // Start and Send. The message is complete once it is inserted or found.
    bool content = false;
    bool inserts = false;
    bool found = false;          // it was stored before
    const Task* twin = nullptr;  // an earlier entry of this batch has the same key
    std::string fingerprint;
    Message message;

    // Redelivered, and nobody has its profile: what an earlier run stored is completed,
    // nothing else is done, and its caller is told that nobody knows.
    bool blind = false;
    // Of a first message: the one that its profile sends after it. Of that one: which
    // it follows; it has no reply of its own.
    Task* confirmation = nullptr;
    Task* confirms = nullptr;

    bool refused() const { return code != Code::Ok; }
    bool does(Operation operation) const {
        return in->command.operation == operation && !dropped && !refused();
    }
    const Profile* profile() const { return in->profile.get(); }
    // Whether its message is its own: no other entry's, and no other request's.
    bool speaks() const {
        return content && twin == nullptr && !dropped && !refused() &&
               message.fingerprint == fingerprint;
    }
    // Whether that opens a conversation again.
    bool reopens() const {
        return speaks() && profile() != nullptr && profile()->rules.reopens;
    }
};

class Batch {
public:
    // `note` has what this batch's note names besides what it touches.
    Batch(Store& store, Lives& cache, Directory& directory, Note note)
        : store_(store), cache_(cache), directory_(directory), note_(std::move(note)) {}

    // As Writer::run, where the entries' being redelivered plays no part.
    Status run(const std::vector<Delivered>& entries, Effects& effects);
    // A batch of names alone.
    Status runNames(Effects& effects);

    // What it may have written to.
    const std::vector<ConversationRef>& touched() const { return touched_; }

private:
    // Names that one batch gives the store.
    static constexpr size_t kMostUsers = 256;

    // --- Plan: a failure is definite, nothing was written.
    void parse(Task& task);
    void parseStartTask(Task& task);
    void parseSendTask(Task& task);
    void parseReadTask(Task& task);
    void parseChangeTask(Task& task);
    void setMessage(Task& task, SendArguments said, const std::string& canonical);
    Status acquire();
    Status loadLives(const std::vector<ConversationRef>& refs);
    const ConversationRef* forwarded(const ConversationRef& ref) const;
    Status admit(Task& task);
    Status admitMessage(Task& task);
    Status mayOpen(Task& task);
    void open(Task& task);
    Live* liveOf(const Task& task);
    Status nameMembers();
    bool writes() const;

    // --- Confirmations (writer_confirm.cpp)
    Status confirmFound();
    Status confirm(Task& task);
    Result<size_t> confirmer(const Task& task);
    Status lookUpConfirmation(Task& task);
    Result<std::optional<Message>> storedConfirmation(const Live& live);
    Result<bool> isOwed(const Live& live);

    // --- Store: between begin and commit.
    Status write(Effects& effects);
    void touch();
    Status writeAll();
    Result<std::vector<User>> named();
    Status putUsers();
    Status insertOpened();
    Status abandoned(const Status& failure);
    Status insert();
    Status numberAll(std::vector<Task*>& waiting);
    void number(Task& task);
    Status insertRound(std::vector<Task*>& waiting);
    Status lookUp(Task& task);
    Status reload();
    Status changeAll();
    Status change(Live& live);
    void apply(Task& task, Conversation* to) const;
    void reopen(Task& task, Conversation* to) const;
    uint64_t newestBefore(const Task& task) const;

    // --- Say
    Status settleAll();
    Status settle(Task& task);
    Status settleMessage(Task& task, const Message& message, bool repeat);
    void count(const Task& task, const Message& message, bool repeat);
    Status settleRead(Task& task);
    Status settleChange(Task& task);
    std::string viewOf(Live& live, size_t seat) const;
    Result<std::string> answerOf(const Task& task);
    Status riseRead(Live& live, Seat& seat, const std::string& member, uint64_t target);
    Status answerStart(Task& task, const Message* message, bool read, bool stored);
    void publishMessage(Live& live, const Message& message, bool repeat);
    void publishConversation(Live& live, size_t seat);
    void publishUnread();
    bool readBy(const Live& live, size_t seat, const Message& message) const;
    void reply(const Task& task, int status, std::string body);
    void refuse(const Task& task, Code code, const std::string& field);

    struct KeyOf {
        const Live* live;
        std::string_view sender;
        std::string_view key;
        bool operator==(const KeyOf& other) const {
            return live == other.live && sender == other.sender && key == other.key;
        }
    };
    struct KeyHash {
        size_t operator()(const KeyOf& of) const {
            const std::hash<std::string_view> hash;
            return std::hash<const void*>()(of.live) ^ hash(of.key) ^
                   (hash(of.sender) * 0x9E3779B97F4A7C15u);
        }
    };

    Store& store_;
    Lives& cache_;
    Directory& directory_;
    Note note_;
    std::vector<ConversationRef> touched_;

    std::vector<Task> tasks_;  // never grows after plan: messages are pointed at
    std::deque<Task> confirmations_;
    std::vector<User> hints_;
    std::unordered_map<ConversationRef, std::unique_ptr<Live>, RefHash> lives_;
    // Aliases that entries named, and what they mean.
    std::unordered_map<ConversationRef, ConversationRef, RefHash> forwards_;
    std::unordered_map<KeyOf, Task*, KeyHash> keys_;
    std::vector<User> users_;  // taken from the directory
    std::vector<Membership> raises_;
    bool crowded_ = false;  // others kept taking the numbers

    std::vector<std::pair<std::string, Reply>> replies_;
    Outbox outbox_;
};

}  // namespace messaging::worker
