// The protocol's three messages and their bytes: command (module to worker), reply
// (worker to module), event (worker to modules). One file for both sides. Pure.
// schema/README.md is the prose beside it. Neither side trusts the other's bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/status.hpp"

namespace messaging {

enum class Operation {
    Start,         // write: open a conversation, perhaps with its first message
    Send,          // write
    Read,          // write: mark read
    Change,        // write: status, subject, archived
    History,       // read
    List,          // read
    Conversation,  // read
    Thread,        // read: a conversation and its messages, for profiles only
    UnreadCount,   // read
    Search,        // read
    Typing,        // read: stores nothing
    Presence,      // read, the module's own: somebody came or went
    Stream,        // the module's own
    Status,        // the module's own
};

std::string_view operationName(Operation operation);  // "unread-count"
std::optional<Operation> operationNamed(std::string_view name);
bool isWrite(Operation operation);  // goes to its conversation's shard

// Who asks, as the site's sign-in says. Not part of any body.
struct Identity {
    std::string site;
    std::string user;
    std::string role;       // may be empty
    std::string name;       // may be empty
    std::string team = {};  // of this role, where the site has one; else empty
};

// Whether an idempotency key is a command's, by its prefix: those that the worker makes
// itself, for what it sends or imports, never come from outside.
bool isCommandKey(std::string_view key);

// An operation on its way to the worker: the fields of one stream entry.
struct Command {
    Operation operation = Operation::Send;
    std::string id;  // 32 hexadecimal digits, random; in every log line about it
    Identity who;
    std::string conversation;  // empty for List, UnreadCount, Search
    // Idempotency key with its prefix: "c:" the client's own, "i:" this command's id.
    std::string key;
    std::string body;     // the operation's arguments (model.hpp), canonical JSON
    std::string reply;    // channel
    uint32_t ttl = 5000;  // milliseconds from the entry's own time, Redis's clock
    std::string profile;  // a ProfileRef (profile.hpp); empty: the canonical API
};

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

// Field names and values for XADD, views into `command` and `scratch`.
Fields encodeCommand(const Command& command, std::string& scratch);

// What a stream entry says. UnsupportedVersion, InvalidField; `partial` gets what could
// be read (id, reply), so that even a bad command can be answered.
Result<Command> decodeCommand(const Fields& fields, Command* partial);

// Answer to a command. A failure has a code other than Ok and no body: the module words
// it.
struct Reply {
    std::string id;
    int status = 200;  // HTTP
    Code code = Code::Ok;
    std::string field;
    std::string body;  // JSON in one line
    // Of a success: the newest message that it shows of one conversation, and which
    // that is; 0 where it shows none.
    uint64_t seq = 0;
    std::string conversation;
};

// "1 ID STATUS CODE FIELD\nBODY"; CODE and FIELD are "-" where there is none. A success
// that shows messages has "SEQ CONVERSATION" for FIELD.
std::string encodeReply(const Reply& reply);
Result<Reply> decodeReply(std::string_view bytes);

// What a stream carries. `type` is a lower-case word, `data` JSON in one line.
struct Event {
    std::string type;
    std::string data;
};

// "TYPE DATA\n" for each event of one log entry.
std::string encodeEvents(const std::vector<Event>& events);
Result<std::vector<Event>> decodeEvents(std::string_view bytes);

// Position in a log: the id of a Redis stream entry.
struct LogId {
    uint64_t milliseconds = 0;
    uint64_t sequence = 0;

    bool operator==(const LogId& other) const {
        return milliseconds == other.milliseconds && sequence == other.sequence;
    }
    bool operator<(const LogId& other) const {
        return milliseconds != other.milliseconds ? milliseconds < other.milliseconds
                                                  : sequence < other.sequence;
    }
};

std::optional<LogId> parseLogId(std::string_view text);  // "1700000000000-0"
std::string formatLogId(const LogId& id);

// What a log's channel announces: "1 PREVIOUS ID\n" and the entry's events. Where
// nobody keeps a log both ids are "0-0": whoever hears it has lost the log and must say
// so.
struct Announcement {
    LogId previous;
    LogId id;
    std::vector<Event> events;
    bool whispered = false;  // in no log: there are no ids
};
Result<Announcement> decodeAnnouncement(std::string_view bytes);

// What is said to those who listen now and kept nowhere: "1 - -\n" and the events.
std::string encodeWhisper(const std::vector<Event>& events);

// Lua, run by Redis. Each touches the keys of one slot.
//
// kPublishScript  KEYS log badge; ARGV channel, events, kLogEvents. Deletes the cached
// badge,
//                 adds to the log if there is one, announces.
// kLoseScript     KEYS log badge; ARGV channel. Deletes both and announces that the log
//                 is lost.
// kRenewScript    KEYS log; ARGV seconds. Keeps the log alive, makes it if absent.
//                 Returns {last id, 1 if it was made now else 0}.
// kEnqueueScript  KEYS stream; ARGV most, field, value, … Adds unless the stream is
// full.
//                 Returns the entry's id, or false when it is full.
// kBadgeScript    KEYS badge; ARGV nonce, value, seconds. Stores only if the nonce
// stands.
// kPresenceScript KEYS presence; ARGV process, 1 if somebody is there or 0,
// milliseconds
//                 after which a process is forgotten, seconds. Returns {1 if they were
//                 there, 1 if they are, now}: there is who has a stream in any process.
// kRateScript     KEYS buckets of one user; ARGV mode, and for each key microseconds in
//                 which one is refilled, and all. Takes one of each ("ask": if all
//                 have one; "take": in any case) or gives one back ("back"). Returns 1
//                 if it was there, and for each key microseconds until it is full.
extern const char* const kPublishScript;
extern const char* const kLoseScript;
extern const char* const kRenewScript;
extern const char* const kEnqueueScript;
extern const char* const kBadgeScript;
extern const char* const kPresenceScript;
extern const char* const kRateScript;

}  // namespace messaging
