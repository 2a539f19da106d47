// Which streams follow which inbox, how far each has come in its log, and what follows
// from what Redis says: deliver, read the log again, or tell the client that events
// were lost. Pure: no clock, no socket; what it wants done it asks of its outlet.
//
// The rule: an event reaches a stream only after the one that its announcement names as
// the one before it; a position is passed only by delivering or by a `reset`.
// Announcements and answers come over two connections, so either may be ahead of the
// other.
//
// A stream belongs to the caller, who removes it before it dies. Nothing that the
// outlet does may call the hub: who wants to remove a stream there does it after the
// call.
//
// A person with a team follows two inboxes by one stream. To the hub these are two
// legs, the caller's stream and one of the hub's own, each of which keeps the rule for
// its log; to the outlet they are one stream. It opens when both legs can, resumes if
// both do, and catches up with one log at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ngx_module/core/sse.hpp"
#include "schema/limits.hpp"
#include "schema/wire.hpp"

namespace messaging::core {

// An inbox's id in binary.
struct InboxKey {
    uint64_t high = 0;
    uint64_t low = 0;

    bool operator==(const InboxKey& other) const {
        return high == other.high && low == other.low;
    }
};
std::optional<InboxKey> parseInboxKey(std::string_view digits);  // 32 hexadecimal
std::string formatInboxKey(const InboxKey& key);

struct Stream;

// An inbox while somebody here follows it.
struct Inbox {
    enum class Subscription { None, Asked, Confirmed };

    InboxKey key;
    std::vector<Stream*> streams;  // the longest there first
    LogId latest;                  // newest entry that was heard of
    LogId known;                   // `latest` when the renewal under way was sent
    uint64_t renewal = 0;          // under way, 0: none
    uint64_t renewAt = 0;          // milliseconds
    Subscription subscription = Subscription::None;
    bool queued = false;   // for a subscription or a renewal
    bool lost = false;     // the next renewal's answer resets all streams
    bool again = false;    // the loss was noticed after the renewal under way was sent
    bool foreign = false;  // it was lost with its Redis
};

// What the hub knows of a stream; the caller derives from it what else it is.
struct Stream {
    enum class State {
        Opening,    // waits for subscription and renewal
        Replaying,  // waits for the entries since `wanted`
        Held,       // can open, and waits for the other leg
        Live,
        Behind,   // waits for the entries since `position`
        Paused,   // is behind, and waits until its client has taken what it was given
        Refused,  // waits for its removal
    };
    enum class Part : uint8_t { Whole, Own, Team };

    Inbox* inbox = nullptr;  // nullptr: not in the hub
    State state = State::Opening;
    bool resume = false;   // the client gave a Last-Event-ID
    bool foreign = false;  // which is not of this Redis
    Part part = Part::Whole;
    Cursor wanted;       // what it gave
    LogId position;      // all up to here was delivered
    uint64_t fetch = 0;  // under way, 0: none
};

// How a stream begins.
struct Opening {
    Place place;           // of `hello`
    bool resumed = false;  // what follows is all that was missed, of each log
    Batch missed;
    Batch missedTeam;
    std::string_view reset;  // reason of a `reset` after `hello`; empty: none
};

class Hub {
public:
    class Outlet {
    public:
        virtual ~Outlet() = default;
        virtual void subscribe(const InboxKey& inbox) = 0;
        virtual void unsubscribe(const InboxKey& inbox) = 0;
        // kRenewScript on the log; the answer goes to renewed(). False: surely not
        // sent.
        virtual bool renew(const InboxKey& inbox, uint64_t renewal) = 0;
        // Up to kFetch entries from `from` on, itself included; the answer goes to
        // fetched(). False: surely not sent.
        virtual bool fetch(const InboxKey& inbox, const LogId& from,
                           uint64_t fetch) = 0;
        virtual void open(Stream& stream, const Opening& opening) = 0;
        virtual void refuse(Stream& stream) = 0;  // instead of open()
        virtual void deliver(Stream& stream, const Batch& batch,
                             const Place& place) = 0;
        // What may as well not be said: to a stream that is slow, it is not.
        virtual void whisper(Stream& stream, const Entry& entry) = 0;
        virtual void reset(Stream& stream, const Place& place,
                           std::string_view reason) = 0;
        // Whether something that the stream was given is still on its way to the
        // client. When nothing is any more, taken() must be called.
        virtual bool busy(const Stream& stream) = 0;
    };

    // A page of a log: what a stream that catches up is given at once. The next one
    // follows when this one was taken, so that a long log and a slow client fill no
    // memory of ours. An entry is never cut, so a page can be longer by one.
    static constexpr size_t kFetch = 32;
    static constexpr size_t kPageBytes = 128 * 1024;
    static constexpr uint64_t kRenewEvery = 20 * 1000;  // milliseconds
    static_assert(kRenewEvery * 2 < limits::kLogSeconds * 1000);

    explicit Hub(Outlet& outlet) : outlet_(outlet) {}

    // Redis is there; `run` names it. All that is here is asked again, by work().
    void redisUp(std::string_view run);
    void redisDown();
    const std::string& run() const { return run_; }

    // A stream wants to follow an inbox; open() or refuse() tells what became of it.
    // Redis must be up.
    void add(Stream& stream, const InboxKey& inbox, std::string_view lastEventId,
             uint64_t now);
    // Likewise to follow two: their own and their team's.
    void add(Stream& stream, const InboxKey& own, const InboxKey& team,
             std::string_view lastEventId, uint64_t now);
    void remove(Stream& stream);
    const Inbox* find(const InboxKey& inbox) const;

    void subscribed(const InboxKey& inbox);
    void announced(const InboxKey& inbox, const LogId& previous, const Entry& entry);
    // What stands in no log: nobody waits for it, and no position moves.
    void whispered(const InboxKey& inbox, const Entry& entry);
    // Something was announced that cannot be understood.
    void garbled(const InboxKey& inbox);

    struct Renewal {
        LogId last;
        bool made = false;
    };
    // Nothing: it failed.
    void renewed(const InboxKey& inbox, uint64_t renewal,
                 const std::optional<Renewal>& answer);
    // nullptr: it failed, or cannot be understood.
    void fetched(uint64_t fetch, const std::vector<Entry>* entries);
    // The client has taken all that the stream was given.
    void taken(Stream& stream);

    // Queues the inboxes whose renewal is due.
    void tick(uint64_t now);
    // Does up to `most` of what is queued.
    void work(size_t most);
    bool hasWork() const { return !queue_.empty(); }

private:
    // Why a stream begins anew: the log lost entries, or all; its place is of another
    // Redis.
    static constexpr std::string_view kGap = "gap";
    static constexpr std::string_view kForeign = "foreign";

    struct HashKey {
        size_t operator()(const InboxKey& key) const { return key.low; }  // is a hash
    };
    using Inboxes = std::list<Inbox>;  // by renewAt

    // What a leg that can open has to say, until the other one can too. A page at most.
    struct Half {
        bool there = false;
        bool resumed = false;
        Cursor cursor;
        std::vector<Entry> missed;
        size_t skip = 0;
        std::string_view reset;
    };
    struct Beginning {
        Half own;
        Half team;
    };
    struct TeamLeg : Stream {
        Stream* own = nullptr;
        std::unique_ptr<Beginning> beginning;  // until both are open
    };

    static Stream& callerOf(Stream& leg);
    TeamLeg& teamLegOf(Stream& own);
    Stream* otherOf(Stream& leg);
    Cursor cursorOf(const Stream& leg) const;
    Place placeOf(Stream& leg);
    void follow(Stream& leg, const InboxKey& key, uint64_t now);
    void leave(Stream& leg);
    void deliver(Stream& leg, Batch batch);
    void reset(Stream& leg);
    void hold(Stream& leg, const Opening& opening);
    void openBoth(Stream& own, TeamLeg& team);
    void wakeOther(Stream& leg);

    Inbox* lookUp(const InboxKey& key);
    Inbox& make(const InboxKey& key, uint64_t now);
    void forget(Inbox& inbox);
    void queue(Inbox& inbox);
    void subscribe(Inbox& inbox);
    bool renew(Inbox& inbox);
    void renewNow(Inbox& inbox);
    void lose(Inbox& inbox);
    void settle(Stream& stream, const LogId& last, bool lost);
    void begin(Stream& stream, const LogId& last, bool lost);
    void open(Stream& stream, const Opening& opening);
    void openAnew(Stream& stream, std::string_view reason);
    void refuse(Stream& stream);
    void fetch(Stream& stream, const LogId& from, Stream::State state);
    void dropFetch(Stream& stream);
    void catchUp(Stream& stream);
    void replayed(Stream& stream, const std::vector<Entry>& entries);
    void caughtUp(Stream& stream, const std::vector<Entry>& entries);

    Outlet& outlet_;
    std::string run_;
    bool up_ = false;
    uint64_t lastTicket_ = 0;
    Inboxes inboxes_;
    std::unordered_map<InboxKey, Inboxes::iterator, HashKey> index_;
    std::unordered_map<uint64_t, Stream*> fetches_;
    std::unordered_map<const Stream*, TeamLeg> teamLegs_;  // by the caller's stream
    std::deque<InboxKey> queue_;
};

}  // namespace messaging::core
