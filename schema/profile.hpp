// One site's way of saying things: what its API calls the fields of a document, what
// its routes answer with, and its rules. A module makes one from a `messaging_profile`
// block and keeps it in Redis under its hash; a command names the hash, and its worker
// applies the rules and words the reply. Which route is meant by a request, and where
// arguments stand in it, stays in the module (ngx_module/core/profile_route.hpp). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/status.hpp"
#include "schema/wire.hpp"

namespace messaging {

// --- How a document is shown

// A field of a view: `name` is the site's, `source` ours.
//
// Of a conversation: id kind status subject context members createdAt lastMessageAt
// lastMessage lastSeq readSeq unreadCount archived rev; context.type, context.id,
// context.TYPE (the id, where the type is that); member.ROLE, other (ids), each with
// .name, other.role; messages (in a list the newest, in a thread its page).
// Of a message: id conversationId seq senderId senderRole content context type data
// createdAt read; context.type, context.id, context.TYPE.
// Absent is null.
struct ViewField {
    std::string name;
    std::string source;
    bool upper = false;  // "source|upper": in ASCII capitals
};

struct View {
    bool all = true;  // the canonical fields too, before the named ones
    std::vector<ViewField> fields;
};

enum class Document { Conversation, Message };

// Whether a view of this document may name the source.
bool knownSource(Document document, std::string_view source);

// What is around the documents of an answer.
enum class Envelope {
    Canonical,     // as the canonical API has it, with this profile's documents
    Array,         // the documents alone
    Conversation,  // of start and thread: the conversation (thread: its `messages` in
                   // it)
    Message,       // of start: the message
    Count,         // of unread-count: {count}
};
std::optional<Envelope> envelopeNamed(std::string_view name);
std::string_view envelopeName(Envelope envelope);
// Whether this operation can answer so.
bool fits(Operation operation, Envelope envelope);

// --- Rules. Empty lists mean everybody.

struct Rules {
    std::vector<std::string> openers;   // roles that may open a conversation
    std::vector<std::string> changers;  // roles that may change status and subject
    bool contentRequired = false;       // to open one
    bool reopens = false;               // a message opens a closed conversation again
    bool knownOnly = false;             // members must have been seen, or loaded
    // Once in a conversation, after its first message, where this role did not write
    // that one: a message in the name of its member of this role. "{name}" stands for
    // the name of who wrote.
    std::string confirmer;     // role; empty: none
    std::string confirmation;  // text
};

struct Profile {
    std::string name;
    View conversation;
    View message;
    std::vector<Envelope> answers;  // of its routes, in their order
    Rules rules;
};

// As one canonical line, and back. parse: InvalidField names the part; what comes from
// Redis is not trusted.
std::string encode(const Profile& profile);
Result<Profile> parseProfile(std::string_view text);

// 32 hexadecimal digits over encode(): two profiles that say the same are one.
std::string profileHash(std::string_view encoded);

// What a command says of its profile: "HASH" (canonical paths, the profile's documents)
// or "HASH:ROUTE" (the route's envelope too); empty: the canonical API.
struct ProfileRef {
    std::string hash;
    std::optional<size_t> route;
};
std::string format(const ProfileRef& ref);
std::optional<ProfileRef> parseProfileRef(std::string_view text);

// --- Wording

// What a worker would answer canonically, as the profile says it. `body` is ours;
// Internal where it is not. `route`: see ProfileRef; one that the profile lacks is
// canonical.
Result<std::string> render(const Profile& profile, std::optional<size_t> route,
                           Operation operation, const Identity& who,
                           std::string_view body);

// The data of an event of this type, for who follows it.
Result<std::string> renderEvent(const Profile& profile, const Event& event,
                                const Identity& who);

}  // namespace messaging
