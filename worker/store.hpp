// The one interface to what persists. Implementations: store_sqlite, store_mongo; one
// contract test holds them to this page. An instance belongs to one thread; several
// instances, in several processes too, may stand on the same database at once.
//
// What every implementation guarantees, whatever else happens:
//   - (site, conversation, seq) and (site, conversation, sender, key) of messages are
//   unique;
//   - a membership's four numbers never go down (raise), and its preview and activity
//   change
//     only when lastSeq rises, so that an update applied twice, late or out of order is
//     harmless; `unread` is derived from the four in the same update and never counted;
//   - a message that commit() confirmed survives the loss of power.
//
// Failures: Code::StoreUnavailable where surely nothing was written, Code::Internal
// where that is unknown. Details are for the log. No method waits longer than some
// seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/model.hpp"
#include "schema/revocation.hpp"
#include "schema/status.hpp"
#include "worker/words.hpp"

namespace messaging::worker {

// A conversation's full name.
struct ConversationRef {
    std::string site;
    std::string id;

    bool operator<(const ConversationRef& other) const {
        return site != other.site ? site < other.site : id < other.id;
    }
    bool operator==(const ConversationRef& other) const {
        return site == other.site && id == other.id;
    }
};

// What a writer must know of a conversation before it numbers a message. `lastSeq` is
// read first, ordinals after it: a message that slips in between then meets the unique
// sequence number instead of a wrong ordinal.
struct ConversationState {
    Conversation conversation;
    uint64_t lastSeq = 0;
    uint64_t lastAt = 0;                            // createdAt of that message
    Preview preview;                                // of that message
    std::map<std::string, uint64_t> ordinals;       // by member: own messages up to now
    std::map<std::string, Membership> memberships;  // of those members that have one
};

enum class InsertResult {
    Inserted,
    Duplicate,  // of the sequence number or of the key: look the key up, then number
                // again
    Skipped,    // an earlier message of its conversation was a duplicate
};

// Place in a member's list: newest activity first, then by conversation id, falling.
struct ListPlace {
    uint64_t activity = 0;
    std::string conversation;
};

struct ListRange {
    std::optional<ListPlace> below = {};  // exclusive: older than this
    std::optional<ListPlace> above = {};  // exclusive: newer than this
    unsigned limit = limits::kDefaultPage;
    ListFilter filter = {};
};

// Newest first: by the time of messages, of equal ones as the store likes.
struct SearchRange {
    Words words;             // all of them; not none
    std::string below = {};  // a place, exclusive: older than this
    unsigned limit = limits::kDefaultPage;
    std::chrono::milliseconds patience{limits::kSearchMilliseconds};
};

struct Hit {
    Message message;
    std::string place;  // digits and "-" and lower-case letters; the store's own
};

struct Hits {
    std::vector<Hit> hits;
    // Otherwise patience was over: these are the newest all the same, and there may be
    // more, fewer than the limit though they are.
    bool complete = true;
};

struct Unread {
    uint64_t count = 0;  // of all conversations
    std::vector<std::pair<std::string, uint64_t>> conversations;  // at most kMaxBadge
};

// What a batch of a worker touches. On every store it stays, whatever came of the
// batch, until its owner's next begin() with a note that names something, or
// dropNote(): by then the batch was said, and until then its members may have been told
// nothing, or its memberships not be written. Where a batch is one transaction its note
// is part of it: what can be seen was committed, and a batch that was undone leaves the
// note before it. Whoever gains a shard rolls the notes forward of owners that do not
// live.
struct Note {
    std::string owner;  // the worker's id
    std::vector<ConversationRef> conversations;
};

class Store {
public:
    virtual ~Store() = default;

    // Connects, makes the schema or upgrades an older one. Another program's database
    // is refused with InvalidField, a newer schema with UnsupportedVersion and a detail
    // that says which version is found and which is known.
    virtual Status open() = 0;
    // Whether the store answers now; reconnects where that helps.
    virtual Status ping() = 0;

    // --- Reading. Sees all that was committed before the call, by anybody.

    virtual Result<std::optional<Conversation>> conversation(
        const ConversationRef& ref) = 0;
    virtual Result<std::vector<Conversation>> conversations(
        const std::vector<ConversationRef>& refs) = 0;
    // By rising seq. With neither bound: the newest `limit`; with `before`: the newest
    // below.
    virtual Result<std::vector<Message>> history(const ConversationRef& ref,
                                                 const HistoryArguments& range) = 0;
    virtual Result<std::vector<Membership>> memberships(const ConversationRef& ref) = 0;
    // Of several conversations of one site, in any order: all members' memberships, and
    // the newest message of each that has one.
    virtual Result<std::vector<Membership>> membershipsOf(
        const std::vector<ConversationRef>& refs) = 0;
    virtual Result<std::vector<Message>> newest(
        const std::vector<ConversationRef>& refs) = 0;
    // Newest activity first.
    virtual Result<std::vector<Membership>> list(const std::string& site,
                                                 const std::string& member,
                                                 const ListRange& range) = 0;
    virtual Result<Unread> unread(const std::string& site,
                                  const std::string& member) = 0;
    virtual Result<std::vector<User>> users(const std::string& site,
                                            const std::vector<std::string>& ids) = 0;
    virtual Result<std::optional<Message>> messageByKey(const ConversationRef& ref,
                                                        const std::string& sender,
                                                        const std::string& key) = 0;
    // How many of the member's own messages have a seq of at most `seq`.
    virtual Result<uint64_t> ordinalAt(const ConversationRef& ref,
                                       const std::string& member, uint64_t seq) = 0;
    // Messages with these words in conversations of any of these members, committed
    // ones that no index has yet too. InvalidCursor: `below` is no place of this store.
    virtual Result<Hits> search(const std::string& site,
                                const std::vector<std::string>& members,
                                const SearchRange& range) = 0;
    // State of those that exist, from messages (the truth) and memberships.
    virtual Result<std::map<ConversationRef, ConversationState>> load(
        const std::vector<ConversationRef>& refs) = 0;

    // --- Writing, always begin … commit. begin() names all that the batch will touch
    // and is the last moment at which a failure is definite. A note that names nothing
    // leaves the one before as it is. After a failure in between: abandon(). abandon()
    // returns ok where it is proven that nothing of the batch was stored.

    virtual Status begin(const Note& note) = 0;
    // Of what can be done later as well and nobody waits for: false, and no batch,
    // where it would have to wait for another writer. Where writers do not wait for one
    // another, it is begin().
    virtual Result<bool> tryBegin(const Note& note) {
        const Status status = begin(note);
        return status.ok() ? Result<bool>(true) : status;
    }
    // Those that are absent; who exists stays as it is. True if all were.
    virtual Result<bool> insertConversations(
        const std::vector<Conversation>& conversations) = 0;
    // What changes of a conversation, as `to` has it, where its rev is still `from`.
    // True if it was.
    virtual Result<bool> change(uint64_t from, const Conversation& to) = 0;
    // In order. One result a message; a duplicate is not a failure.
    virtual Result<std::vector<InsertResult>> insertMessages(
        const std::vector<Message>& messages) = 0;
    // By maximum, component by component; made where absent. What is copied from the
    // conversation changes only when `rev` rises.
    virtual Status raise(const std::vector<Membership>& memberships) = 0;
    // Names and roles, the newest word wins; who says no name keeps the one they had.
    virtual Status putUsers(const std::vector<User>& users) = 0;
    // The same of those only of whom nothing is known.
    virtual Status hintUsers(const std::vector<User>& users) = 0;
    virtual Status commit() = 0;
    virtual Status abandon() = 0;

    // --- The index of words, which no writer waits for

    // Puts at most so many messages into it that it does not have yet. Returns how many
    // it looked at; 0: it has all. Several may do it at once, and any may die doing it.
    virtual Result<size_t> index(size_t most) = 0;

    // --- Recovery and check

    // Notes of other owners than this one.
    virtual Result<std::vector<Note>> notes(const std::string& owner) = 0;
    // A foreign one as the last notes() returned it; what its owner wrote since stays.
    // Or one's own, outside of a batch. One that is not there is no failure.
    virtual Status dropNote(const std::string& owner) = 0;
    // Every conversation once, no alias, in any order, in pages; the callback returns
    // false to stop.
    virtual Status eachConversation(
        const std::function<bool(const ConversationRef&)>& visit) = 0;
    // Sets a membership exactly, if it still is what `from` says (nothing: absent).
    // True if it was. The only way by which a number may go down: `check --repair`.
    virtual Result<bool> exchange(const std::optional<Membership>& from,
                                  const Membership& to) = 0;

    // --- Revocations, outside of batches. That they are valid is the caller's
    // business.

    // Where there is one of this name, the later of each time stays.
    virtual Status revoke(const Revocation& revocation) = 0;
    // Those that hold at `now` (Unix seconds).
    virtual Result<std::vector<Revocation>> revocations(uint64_t now) = 0;
    // The others go.
    virtual Status forgetRevocations(uint64_t now) = 0;
};

// From "sqlite:PATH" or "mongodb://…" (mongodb+srv:// too; the database is the URI's,
// or "messaging"). Not yet opened. InvalidField for any other form.
Result<std::unique_ptr<Store>> makeStore(const std::string& uri);

}  // namespace messaging::worker
