// What stands on the wire of an event stream: event ids, frames, chunks. Pure; appends
// to the caller's strings, so that a hot path can keep one and allocate nothing.
//
// An event's id is a cursor: "RUN.MS-N" after a whole log entry, "RUN.MS-N.K" after its
// K-th event where more follow; RUN names the Redis whose log it is. Who follows their
// team's log too has a cursor over both, "RUN.MS-N+TEAM.MS-N": TEAM are digits of the
// team's inbox, without which the place could be taken for one in another team's log,
// where an entry of the same instant may have the same id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/wire.hpp"

namespace messaging::core {

// How far a client has come in a log.
struct Cursor {
    LogId id;
    uint32_t events = 0;  // of that entry; 0: all of them
};

// Nothing for what is not one cursor of this run, whatever else it may be: a client can
// send anything.
std::optional<Cursor> parseCursor(std::string_view text, std::string_view run);
void appendCursor(std::string& out, std::string_view run, const Cursor& cursor);

// Where a stream is, in its own log and its team's.
struct Place {
    Cursor own = {};
    Cursor team = {};
    uint64_t tag = 0;  // the team's; 0: there is no team
};

// As parseCursor; of exactly the logs that `tag` says.
std::optional<Place> parsePlace(std::string_view text, std::string_view run,
                                uint64_t tag);
void appendPlace(std::string& out, std::string_view run, const Place& place);

// An entry of a log: what was published at once.
struct Entry {
    LogId id;
    std::vector<Event> events;
};

// Entries in the order of their log, without the first `skip` events of the first one.
// A view.
struct Batch {
    const Entry* first = nullptr;
    size_t count = 0;
    size_t skip = 0;
    bool team = false;  // of the team's log
};

size_t eventsOf(const Batch& batch);

// One frame for each event, with its id: `place`, but for the log that the batch is of.
// Events for the module itself have none.
void appendBatch(std::string& out, std::string_view run, const Batch& batch,
                 const Place& place = {});

// Whether a batch of a person's own log says that they are of this team no more.
bool revokes(const Batch& batch, uint64_t tag);

// One frame for each event, without an id: a client's place in the log stays.
void appendWhisper(std::string& out, const Entry& entry);

// The first frame of a stream. `identity` is a JSON object, which gains "resumed":
// false tells the client to fetch everything now.
void appendHello(std::string& out, std::string_view run, const Place& place,
                 std::string_view identity, bool resumed, uint64_t retry);

// Events were lost: the client must fetch everything, and is then at `place`.
void appendReset(std::string& out, std::string_view run, const Place& place,
                 std::string_view reason);

// The last frame. It has no id: the client keeps its last.
void appendBye(std::string& out, std::string_view code, uint64_t retry);

// A comment, which clients ignore.
inline constexpr std::string_view kHeartbeat = ":\n\n";

// Frames on their way, in one piece with what HTTP puts around them.
class Block {
public:
    Block() { clear(); }

    void clear();
    bool empty() const { return bytes_.size() == kHead; }
    std::string& frames() { return bytes_; }  // append only

    // Views until the next call of anything here. Empty frames give empty views.
    std::string_view plain();
    std::string_view chunk();

private:
    static constexpr size_t kHead = 18;  // 16 hexadecimal digits, CR, LF

    std::string bytes_;
    bool closed_ = false;  // CR and LF stand at the end
};

// The chunk that ends a body.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace messaging::core
