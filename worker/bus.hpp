// Writes on their way through Redis: leases of shards, delivery, publication,
// acknowledgement. schema/README.md tells the keys and why. Every failure is of the
// connection, which is then closed; what was under way stays pending in its stream and
// comes again as redelivered. An instance belongs to one thread.
//
// Every script touches the keys of one slot; XREADGROUP over several shards does not.
// So a Redis Cluster would need a client of its own here, which this is not.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/keys.hpp"
#include "schema/limits.hpp"
#include "worker/bus_session.hpp"
#include "worker/handler.hpp"
#include "worker/profiles.hpp"
#include "worker/shards.hpp"

namespace messaging::worker {

// A lease that is not renewed ends after this long.
constexpr std::chrono::milliseconds kLeaseTime{2000};

// An entry that was delivered before and never acknowledged.
struct Pending {
    std::string entry;
    unsigned deliveries = 0;  // so far
};

// How the shards stand, as of one beat.
struct LeaseView {
    Holders holders{};
    std::array<std::string, limits::kShards> owners;  // ids; empty: free
    std::vector<unsigned> again;   // Mine, but the lease had ended in between
    std::set<std::string> living;  // workers' ids, this one's included
};

class Bus {
public:
    Bus(const RedisOptions& options, Keys keys, Owner self);

    Status connect();
    void close();
    bool connected() const {
        return session_.connected() && ear_.connected() && voice_.connected();
    }
    const Owner& self() const { return self_; }
    // What Redis last refused, for the log; empty after that.
    std::string takeComplaint();

    // --- Leases (bus_lease.cpp)

    // Says that this worker lives, renews the leases of `mine`, looks at the others. Of
    // a lease that had ended, and that nobody has, `again` tells: somebody may have had
    // it.
    Result<LeaseView> beat(const std::vector<unsigned>& mine);
    // Tries for shards that `view` shows as Free or Dead; those that were got, with
    // groups.
    Result<std::vector<unsigned>> take(const LeaseView& view,
                                       const std::vector<unsigned>& shards);
    // Gives back leases that are still this worker's.
    Status release(const std::vector<unsigned>& shards);
    // Is counted no longer.
    Status leave();
    // For GET /status. `store` is "ok" or "down".
    Status report(std::string_view store, size_t alive);
    // Removes reads that everybody gave up on.
    Status trimReads();

    // --- Delivery (bus_delivery.cpp)

    // Asks for new entries of these shards (one at least); Redis waits up to `block`
    // (0: not at all) for the first. Returns when that is sent: over a connection of
    // its own, so that the answer comes while something else goes on.
    Status ask(const std::vector<unsigned>& shards, std::chrono::milliseconds block);
    bool asked() const { return !asked_.empty(); }
    // The entries that were asked for.
    Result<std::vector<Delivered>> take();
    // The oldest pending entries of a shard.
    Result<std::vector<Pending>> pending(unsigned shard);
    // Those of `shards` in which something is pending for long: left by a worker that
    // read it after it had lost the shard.
    Result<std::vector<unsigned>> neglected(const std::vector<unsigned>& shards);
    // Counts one more delivery and gives the entry, if it is still there.
    Result<std::optional<Delivered>> claim(unsigned shard, const Pending& pending);
    // Takes back the count: this delivery did not tell anything about the entry.
    Status uncount(unsigned shard, const Pending& pending);
    // Puts an entry aside for good; its caller gets 500. The command's id, for the log.
    Result<std::string> bury(unsigned shard, const Pending& pending,
                             std::string_view reason);

    // --- Publication (bus_publish.cpp)

    // Publishes `effects`, then acknowledges `entries`, over a connection of its own:
    // returns when all of it is sent, so that Redis works while the next batch is run.
    // What was said before is heard first.
    Status say(Effects effects, const std::vector<Delivered>& entries);
    // Waits until what was said has arrived.
    Status hear();
    bool unheard() const { return unheard_; }
    // After a failure nobody knows what of it was said: the inboxes that it is about.
    std::vector<Publication> takeUnheard();

private:
    Status makeGroups(const std::vector<unsigned>& shards);
    void appendPublication(const Publication& publication, bool lost);
    void appendAcknowledgement(const std::vector<Delivered>& entries);
    Status arrive();
    Status healLogs(const std::vector<const Publication*>& failed);
    Result<Answers> exchange();

    Session session_;
    Session ear_;
    std::map<std::string, unsigned, std::less<>> asked_;  // shards by their streams
    Session voice_;
    bool unheard_ = false;
    // What was said and is not known to have arrived, in the order of its answers:
    // publications, replies, acknowledgements. `arrived_` are answers that are there.
    std::vector<Publication> publications_;
    size_t replies_ = 0;
    Answers arrived_;
    Profiles profiles_;
    Keys keys_;
    Owner self_;
    std::string id_;
};

}  // namespace messaging::worker
