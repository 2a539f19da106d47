// The business rules: what a command does. Pure over Store: no Redis, no clock of its
// own, no threads. All rights are decided here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schema/profile.hpp"
#include "schema/wire.hpp"
#include "worker/shards.hpp"
#include "worker/store.hpp"

namespace messaging::worker {

// One entry of a shard's stream as the bus read it.
struct Delivered {
    unsigned shard = 0;
    std::string entry;         // its id in the stream
    uint64_t at = 0;           // its time, Unix milliseconds of Redis's clock
    bool expired = false;      // past its time to live when it was read
    bool redelivered = false;  // may have run before: look up first
    Status status;             // why `command` could not be decoded, else ok
    Command command;           // of a bad one: what could be read
    // That its command names; none for the canonical API, or where Redis lacks it.
    std::shared_ptr<const Profile> profile;
};

// Events for one member's inbox. One without events is a loss: something may have been
// missed there, and whoever follows the inbox fetches again.
struct Publication {
    std::string site;
    std::string member;
    std::vector<Event> events;
};

// What a batch wants said, in order. Nothing of it may be said before the store has it.
struct Effects {
    std::vector<std::pair<std::string, Reply>> replies;  // channel, reply
    std::vector<Publication> publications;
};

// Of the owner of a note, which may be nobody's own name: such are not known to live.
using FateOf = std::function<Fate(const std::string& owner)>;

// Executes writes. Keeps the numbers of recently written conversations in memory; that
// is for speed: a wrong number meets a unique index and is loaded again. Of one thread,
// as its store, but for learn().
class Writer {
public:
    // `owner` names this worker in notes.
    Writer(Store& store, std::string owner);
    ~Writer();

    // Runs a batch as one; what the batch before the last one wanted said must be out.
    // Ok: every entry is settled and may be acknowledged once
    // `effects` are out. StoreUnavailable: surely nothing was stored, every entry may
    // be refused. Internal: unknown; keep the entries and run them again one by one, as
    // redelivered. A batch with a redelivered entry never answers StoreUnavailable: an
    // earlier run may have stored it. After a failure `effects` has what earlier
    // batches left to be said, nothing of this one. An entry without a reply is one
    // whose caller has its 504 already.
    Status run(const std::vector<Delivered>& batch, Effects& effects);

    // Names seen by readers; merged into the next batch. Any thread may call it.
    void learn(const User& user);

    // Gives the store names that no batch came for. To be called now and then, with
    // `effects` said afterwards: somebody's streams end with their role. `effects` has
    // nothing of it where it failed; then it is tried again.
    Status nameUsers(Effects& effects);

    // Forgets the numbers of a shard that was lost or gained.
    void forget(unsigned shard);

    // Finishes what an earlier batch left, then what owners that do not live noted:
    // recomputes memberships and tells members, who may have been told nothing. When a
    // note is first seen, when its owner is surely dead, and once more when it is still
    // there a minute later, for an owner that was stopped between its note and its
    // insert; what there is to tell then is what came since. The call after that drops
    // the note: until then nothing of it was surely said. Call it after gaining a shard
    // and every few seconds, with `effects` said in between, of a failure too. `now`:
    // Unix milliseconds.
    Status rollForward(uint64_t now, const FateOf& fateOf, Effects& effects);

    // At an orderly end, when everything is said: nobody need look at this owner's
    // note, unless something is left.
    Status leave();

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Who is there, which no store knows.
class Presences {
public:
    virtual ~Presences() = default;
    // Fills in what is known of these; what is not stays unknown.
    virtual void find(std::vector<User>* users) = 0;
};

// Executes reads. One a thread. Never writes.
class Reader {
public:
    explicit Reader(Store& store, Presences* presences = nullptr)
        : store_(store), presences_(presences) {}
    // In the words of `profile`, which the command names, if it is there. `whispers`
    // gets what is said to others now and stored nowhere.
    Reply run(const Command& command, std::vector<Publication>* whispers = nullptr,
              const Profile* profile = nullptr);

private:
    Store& store_;
    Presences* presences_;
};

// Whose unread messages an UnreadCount counts.
std::string countedMember(const Command& command);

// Recomputes lastSeq, sent and readSent of one conversation from its messages. Returns
// what each membership should be where it differs from what it is.
struct Drift {
    std::optional<Membership> found;
    Membership right;
};
Result<std::vector<Drift>> findDrift(Store& store, const ConversationRef& ref);

}  // namespace messaging::worker
