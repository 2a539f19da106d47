// What a writer keeps in memory between batches: numbers of conversations and the names
// that the store is known to have. Both bounded; losing any of it costs a look-up,
// nothing else.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "schema/model.hpp"
#include "worker/store.hpp"

namespace messaging::worker {

// The most recently used `most` values.
template <typename Key, typename Value, typename Hash = std::hash<Key>>
class Lru {
public:
    explicit Lru(size_t most) : most_(most) {}

    // Stays valid until the next put or take.
    Value* find(const Key& key) {
        const auto found = index_.find(key);
        if (found == index_.end()) {
            return nullptr;
        }
        items_.splice(items_.begin(), items_, found->second);
        return &found->second->second;
    }

    void put(const Key& key, Value value) {
        if (Value* present = find(key); present != nullptr) {
            *present = std::move(value);
            return;
        }
        items_.emplace_front(key, std::move(value));
        index_.emplace(key, items_.begin());
        if (items_.size() > most_) {
            index_.erase(items_.back().first);
            items_.pop_back();
        }
    }

    // Removes it; an empty value where there is none.
    Value take(const Key& key) {
        const auto found = index_.find(key);
        if (found == index_.end()) {
            return Value();
        }
        Value value = std::move(found->second->second);
        items_.erase(found->second);
        index_.erase(found);
        return value;
    }

    template <typename Predicate>
    void eraseIf(Predicate predicate) {
        for (auto item = items_.begin(); item != items_.end();) {
            if (predicate(item->first)) {
                index_.erase(item->first);
                item = items_.erase(item);
            } else {
                ++item;
            }
        }
    }

    size_t size() const { return items_.size(); }

private:
    using Items = std::list<std::pair<Key, Value>>;

    size_t most_;
    Items items_;
    std::unordered_map<Key, typename Items::iterator, Hash> index_;
};

struct RefHash {
    size_t operator()(const ConversationRef& ref) const {
        const size_t site = std::hash<std::string>()(ref.site);
        return std::hash<std::string>()(ref.id) ^ (site * 0x9E3779B97F4A7C15u);
    }
};

// The numbers of a membership, without its names and preview.
struct Numbers {
    uint64_t lastSeq = 0;
    uint64_t sent = 0;
    uint64_t readSeq = 0;
    uint64_t readSent = 0;
    uint64_t activity = 0;
    uint64_t rev = 0;  // of the conversation that is copied there

    bool operator==(const Numbers& other) const {
        return lastSeq == other.lastSeq && sent == other.sent &&
               readSeq == other.readSeq && readSent == other.readSent &&
               activity == other.activity && rev == other.rev;
    }
};

// One member's place in a conversation.
struct Seat {
    bool stored = false;    // the store has a membership
    Numbers store;          // and these are its numbers
    bool opening = false;   // listed though there is no message: who opened it
    bool told = false;      // an `unread` event is due at the end of the batch
    uint64_t numbered = 0;  // own messages, with those that are being inserted
    uint64_t sent = 0;      // own messages up to Live::lastSeq
    uint64_t readSeq = 0;
    uint64_t readSent = 0;
};

// A conversation as a batch works on it. Numbering runs ahead of what is settled:
// `numbered` counts messages on their way into the store, `lastSeq` those that are in
// it.
struct Live {
    ConversationRef ref;
    Conversation conversation;
    std::vector<Seat> seats;  // of conversation.members, in their order
    uint64_t lastSeq = 0;
    uint64_t lastAt = 0;
    Preview preview;
    const Message* newest = nullptr;  // of this batch, preview not made yet
    uint64_t numbered = 0;
    uint64_t numberedAt = 0;

    // Of one batch only.
    uint64_t position = 0;    // newest message before the entry that is being settled
    bool used = false;        // by an entry that may
    bool fresh = false;       // not in the store before
    bool blocked = false;     // an insertion met a duplicate
    bool repeated = false;    // and one was a repeated key
    std::vector<User> users;  // for views

    static constexpr size_t kNobody = SIZE_MAX;
    size_t seatOf(std::string_view member) const;
    Numbers numbersOf(const Seat& seat) const;
    // What the membership should be now. Makes the preview if need be.
    Membership membership(size_t seat);
    // Whether the member's list has it.
    bool lists(const Seat& seat) const {
        return lastSeq > 0 || seat.opening || seat.stored;
    }
    // Whether the store must be told.
    bool differs(const Seat& seat) const;
    void endBatch();
};

// A live conversation from what the store says.
void adopt(ConversationState state, Live* live);

using Lives = Lru<ConversationRef, std::unique_ptr<Live>, RefHash>;

// Names and roles: which the store has, and which it must be given. Thread-safe.
class Directory {
public:
    // One without name and role must not erase what another sign-in said, and is not
    // stored; but whose role it is not any more must be told, so it is taken too, once.
    static bool isSilent(const User& user) {
        return user.name.empty() && user.role.empty();
    }

    void learn(const User& user);
    // Whether this person, by site and id, was surely seen.
    bool knows(const ConversationRef& person);
    // What the store lacks, at most `most`. Ends in stored() or failed().
    std::vector<User> take(size_t most);
    void stored(const std::vector<User>& users);
    void failed(std::vector<User> users);
    // What the store is known to have: somebody else may have written another name.
    void forget();

private:
    struct Words {
        std::string role;
        std::string name;
        bool silent = false;  // the last sign-in said nothing
    };
    static bool says(const Words& words, const User& user) {
        return words.role == user.role && words.name == user.name;
    }

    static constexpr size_t kKnown = 65536;
    static constexpr size_t kWaiting = 4096;

    std::mutex mutex_;
    // By site and user, which have the shape of a conversation's full name.
    Lru<ConversationRef, Words, RefHash> known_{kKnown};
    std::unordered_map<ConversationRef, User, RefHash> waiting_;
};

}  // namespace messaging::worker
