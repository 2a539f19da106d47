// What is stored and shown: arguments of operations from JSON, conversations and
// messages to JSON. Both sides use the same functions: the module on what a client
// sent, the worker again on what Redis gave it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/limits.hpp"
#include "schema/status.hpp"
#include "schema/wire.hpp"

namespace messaging {

// --- Arguments. parse…: from a client's body or a command's, InvalidField,
// MissingField, UnknownField name the field. encode: canonical JSON, the same for equal
// arguments.

struct ArgumentLimits {
    size_t content = limits::kMaxContent;  // characters
    size_t members = limits::kMaxMembers;
    // Teams that may be named; nullptr: any. The module knows its location's, and what
    // a worker is given was judged by it.
    const std::vector<std::string>* teams = nullptr;
};

// Whose words arguments are: a module that answers for a profile adds some that no
// client may say.
enum class From { Client, Module };

// What a conversation or a message is about: a thing of the site's own.
struct Context {
    std::string type;  // a word; empty: no context
    std::string id;

    bool operator==(const Context& other) const {
        return type == other.type && id == other.id;
    }
    bool operator!=(const Context& other) const { return !(*this == other); }
};

struct SendArguments {
    std::string content;  // trimmed
    Context context = {};
    std::string type = {};  // a word; empty: text
    std::string data = {};  // an object as canonical JSON; empty: none
};
Result<SendArguments> parseSend(std::string_view body,
                                const ArgumentLimits& bounds = {});
std::string encode(const SendArguments& arguments);

// Who a member is as long as they were not seen.
struct Hint {
    std::string id;
    std::string role;  // may be empty
    std::string name;  // may be empty
};

struct StartArguments {
    std::vector<std::string> members;    // sorted, no doubles, `as` included
    std::optional<std::string> content;  // trimmed
    std::string subject = {};            // trimmed; empty: none
    Context context = {};
    bool ticket = false;         // of the kind `ticket`, not `direct`
    bool asTeam = false;         // the caller's team is a member in the caller's place
    SendArguments message = {};  // of the first message all but its content
    std::vector<Hint> hints = {};  // of other members, by id; a module's only
};
// `team` is the caller's. Who names it among the members and does not say as whom,
// starts as the team.
Result<StartArguments> parseStart(std::string_view body, std::string_view caller,
                                  const ArgumentLimits& bounds = {},
                                  std::string_view team = {}, From from = From::Client);
std::string encode(const StartArguments& arguments);
// The id of the conversation that is meant: who starts it under which key matters for a
// ticket only.
std::string conversationId(const StartArguments& arguments, const Identity& who,
                           std::string_view key);

struct ReadArguments {
    std::optional<uint64_t> seq;  // absent: all
};
Result<ReadArguments> parseRead(std::string_view body);
std::string encode(const ReadArguments& arguments);

// At least one of them.
struct ChangeArguments {
    std::optional<bool> closed;
    std::optional<bool> archived;        // by the caller, for the caller
    std::optional<std::string> subject;  // trimmed; empty: none any more
};
Result<ChangeArguments> parseChange(std::string_view body);
std::string encode(const ChangeArguments& arguments);

struct HistoryArguments {
    std::optional<uint64_t> before;  // exclusive; at most one of the two
    std::optional<uint64_t> after;   // exclusive
    // At most kMaxPage, a module's kMaxAll.
    unsigned limit = limits::kDefaultPage;
    // A conversation that is not there has no messages, rather than being NotFound: of
    // one that was addressed by its members. A module's only.
    bool absentEmpty = false;
};
Result<HistoryArguments> parseHistory(std::string_view body, From from = From::Client);
std::string encode(const HistoryArguments& arguments);

// A conversation and its messages: the one that the command names, or the caller's
// newest in this context. A module's only.
struct ThreadArguments {
    Context context = {};  // empty: any
    HistoryArguments page = {};
};
Result<ThreadArguments> parseThread(std::string_view body);
std::string encode(const ThreadArguments& arguments);

// Which conversations a list has. What is absent restricts nothing.
struct ListFilter {
    std::optional<bool> closed = {};
    std::optional<bool> unread = {};    // something, or nothing
    std::optional<bool> archived = {};  // by the caller
    Context context = {};               // without an id: any of that type
};

struct ListArguments {
    std::string cursor;  // empty: from the newest
    unsigned limit = limits::kDefaultPage;
    ListFilter filter = {};
    std::string q = {};  // words of a subject, a member, a preview; empty: any
};
Result<ListArguments> parseList(std::string_view body);
std::string encode(const ListArguments& arguments);

// Whose unread messages are counted: a person's own, or their team's. A person's badge
// is both.
struct UnreadArguments {
    bool team = false;
};
Result<UnreadArguments> parseUnread(std::string_view body);
std::string encode(const UnreadArguments& arguments);

struct SearchArguments {
    std::string q;       // trimmed
    std::string cursor;  // empty: from the newest
    unsigned limit = limits::kDefaultPage;
};
Result<SearchArguments> parseSearch(std::string_view body);
std::string encode(const SearchArguments& arguments);

struct TypingArguments {
    bool typing = true;
};
Result<TypingArguments> parseTyping(std::string_view body);
std::string encode(const TypingArguments& arguments);

struct PresenceArguments {
    bool online = false;
    uint64_t lastSeen = 0;
};
Result<PresenceArguments> parsePresence(std::string_view body);
std::string encode(const PresenceArguments& arguments);

// Query parameters as the JSON body that the parse functions read: names and values
// already percent-decoded. Numbers stay strings there; the parse functions take both.
std::string queryBody(const std::vector<std::pair<std::string, std::string>>& query);

// Tells whether a repeat under the same key is the same request (else KeyReused).
std::string fingerprint(Operation operation, std::string_view canonicalBody);

// --- Documents

// Kinds of conversations.
constexpr const char* kDirect = "direct";  // one for its members and context
constexpr const char* kTicket = "ticket";  // one each time that it is opened
constexpr const char* kAlias = "alias";    // none: see Conversation::forward

// A conversation's status.
constexpr const char* kOpen = "open";
constexpr const char* kClosed = "closed";

// The type of messages that name none.
constexpr const char* kText = "text";

struct Conversation {
    std::string site;
    std::string id;
    std::string kind = kDirect;
    std::string subject;  // empty: none
    Context context;
    std::vector<std::string> members;  // sorted
    std::string starter;               // the user who opened it
    uint64_t createdAt = 0;            // Unix milliseconds, as all times

    // What changes, with the subject, and not upwards only. Each change raises `rev`;
    // of two copies the one with the higher is right.
    bool closed = false;
    uint64_t closedSeq = 0;             // newest message when it was closed last
    std::vector<std::string> archived;  // the members who put it away, sorted
    uint64_t rev = 0;
    std::vector<std::string> changes;  // marks of the last ones, the newest last

    // A conversation that came from another system keeps the id that it had there; at
    // the id that is derived from its members stands an alias, whose `forward` is that
    // id. One that has an alias names itself. Empty: all others.
    std::string forward;

    bool isAlias() const { return !forward.empty() && forward != id; }
    bool hasAlias() const { return forward == id; }
};
// What stands at a derived id for the conversation that is meant by it.
Conversation aliasOf(const Conversation& conversation, const std::string& derivedId);
// Known again when its command comes again.
std::string changeMark(std::string_view user, std::string_view key,
                       std::string_view canonicalBody);
bool isArchived(const Conversation& conversation, const std::string& member);
// As which member somebody takes part: as themselves, or else as their team. nullptr:
// not at all.
const std::string* memberOf(const Conversation& conversation, const Identity& who);

struct Message {
    std::string site;
    std::string conversation;
    uint64_t seq = 0;
    std::string sender;  // user id
    std::string senderRole;
    std::string member;    // the member it counts for: the user, or their team
    uint64_t ordinal = 0;  // 1, 2, 3… among that member's messages here
    std::string key;       // idempotency key with its prefix
    std::string fingerprint;
    std::string content;
    uint64_t createdAt = 0;
    Context context;
    std::string type;  // empty: text
    std::string data;  // an object as canonical JSON; empty: none
};

// Begins the key of a message that came from another system; what follows is the id
// that it had there. A client's keys and commands' own begin otherwise.
constexpr const char* kOriginalKey = "o:";

// "CONVERSATION.SEQ": unique, and nothing to store. One that came from another system
// keeps its own, by which the site's links know it.
std::string messageId(const Message& message);

// What a list shows of the newest message.
struct Preview {
    uint64_t seq = 0;  // 0: none yet
    std::string sender;
    std::string content;
    uint64_t createdAt = 0;
};

// A member's view of a conversation: four numbers that never go down, and the preview.
struct Membership {
    std::string site;
    std::string conversation;
    std::string member;
    uint64_t lastSeq = 0;   // newest message known to this membership
    uint64_t sent = 0;      // of those, the member's own
    uint64_t readSeq = 0;   // read up to here
    uint64_t readSent = 0;  // of those, the member's own
    uint64_t activity = 0;  // of the newest message; the opening's before there is one
    Preview preview;

    // What lists are filtered by, as the conversation had it at `rev`.
    uint64_t rev = 0;
    bool closed = false;
    bool archived = false;
    Context context;  // never changes

    uint64_t unread() const { return (lastSeq - sent) - (readSeq - readSent); }
};

struct User {
    std::string site;
    std::string id;
    std::string role;
    std::string name;
    // Not stored with them: whether they are there, and when they last were.
    std::optional<bool> online = {};
    uint64_t lastSeen = 0;  // 0: unknown
};

// --- Views (schema/openapi.yaml)

// `read` is what the viewer should see.
std::string messageView(const Message& message, bool read);
// `viewer` is a member; `users` holds those members whose name is known; `mine` may be
// empty (never listed).
std::string conversationView(const Conversation& conversation,
                             const std::string& viewer, const Membership& mine,
                             const std::vector<User>& users);
std::string identityView(const Identity& who);  // `me`
// Data of the events `unread` and `read`, and the answer to Read. `member` says whose
// numbers they are: who follows their own inbox and their team's may get both.
std::string unreadEvent(const Membership& membership);
std::string readEvent(std::string_view conversation, std::string_view member,
                      std::string_view user, uint64_t readSeq);
std::string readView(const Membership& membership);
// Data of the events `presence` and `typing`.
std::string presenceEvent(std::string_view user, const PresenceArguments& presence);
std::string typingEvent(std::string_view conversation, const Identity& who,
                        bool typing);
// Somebody's role is another one: of this inbox, their team's, they see nothing more.
// To modules, which end streams by it; no client is shown it.
constexpr const char* kRevoked = "revoked";
constexpr size_t kRevokedDigits = 16;  // of the inbox
std::string revokedEvent(std::string_view inbox);

}  // namespace messaging
