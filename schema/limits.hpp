// Every bound of the protocol, with its reason. Both programs link these; what an
// operator may lower is a directive of the module, and never rises above these.
#pragma once

#include <cstddef>
#include <cstdint>

namespace messaging::limits {

// Version of commands, replies and events on the wire; a program refuses any other.
constexpr unsigned kProtocolVersion = 1;

// Streams that writes are spread over, by conversation. A constant of the protocol:
// both programs and every stored note compute it, so it never changes.
constexpr unsigned kShards = 16;

// A request body. 10,000 characters of 4 bytes, each escaped as \uXXXX\uXXXX, do not
// fit, but the same text unescaped does (40 KB).
constexpr size_t kMaxBody = 64 * 1024;

// Characters (Unicode code points) of a message after trimming.
constexpr size_t kMaxContent = 10000;

// Characters of an id: user, conversation, idempotency key. Names and roles likewise.
constexpr size_t kMaxId = 128;
constexpr size_t kMaxName = 128;

// Characters of a site's name, which stands in every key and document.
constexpr size_t kMaxSite = 64;

// Characters of a conversation's subject: one line above a thread.
constexpr size_t kMaxSubject = 200;

// Letters, digits, ".", "_" and "-" of a word: what kind of thing a context names, what
// type a message has. Programs choose them, no person writes them.
constexpr size_t kMaxWord = 64;

// Bytes of a message's data as canonical JSON, and its nesting: data is shown within a
// message within a page, and every reader of that page stops at kJsonDepth.
constexpr size_t kMaxData = 8 * 1024;
constexpr size_t kDataDepth = 8;

// Bytes of a cursor, which names up to three conversations. We make them; one that is
// longer is somebody else's.
constexpr size_t kMaxCursor = 3072;

// Members of a conversation. A message updates a membership and an inbox for each.
constexpr size_t kMaxMembers = 50;

// Members whose role and name a start tells before they were seen: those of the page
// that it was made on.
constexpr size_t kMaxHints = 8;

// Changes of a conversation that it remembers, to know one that comes again. A command
// that was in hand when its worker died runs again before newer ones of its shard.
constexpr size_t kMaxChanges = 16;

// A command's body: canonical JSON, in which <, >, & and controls take six bytes, so it
// can be longer than what the client sent. Content and members all of them need 100 KB,
// content and data 70 KB.
constexpr size_t kMaxArguments = 128 * 1024;

// Characters of a preview in lists.
constexpr size_t kPreview = 160;

// JSON: nesting, keys in all objects together, values in all.
constexpr size_t kJsonDepth = 16;
constexpr size_t kJsonKeys = 256;
constexpr size_t kJsonValues = 4096;

// The greatest number that every JSON reader keeps exactly, 2^53 - 1.
constexpr uint64_t kMaxInteger = (uint64_t{1} << 53) - 1;

// Pages of lists and histories.
constexpr unsigned kDefaultPage = 50;
constexpr unsigned kMaxPage = 200;

// Messages of one answer where a profile's route gives all: its pages know no cursor.
constexpr unsigned kMaxAll = 10000;

// How long Redis keeps a profile that no module renews: longer than anybody looks for
// the reason of something. What is asked for after that is stored again.
constexpr unsigned kProfileSeconds = 7 * 24 * 3600;

// Routes of a profile: several times what any of the sites has that it was made for.
constexpr size_t kMaxRoutes = 64;

// Bytes of an answer's messages: where so many were asked for that they are more, it
// ends earlier. A profile may show a part of each more than once, and kMaxReply is met
// by nothing that has fewer than four copies.
constexpr size_t kMaxPageBytes = 8 * 1024 * 1024;

// Characters of a search.
constexpr size_t kMaxSearch = 200;

// Words of a message by which it is found: more than the longest text in a language
// has, and a bound on what one made of single letters puts into an index.
constexpr size_t kMaxWords = 2000;

// How long a store may look for a page of a search: what takes longer would be answered
// after its caller went, and other reads wait for it.
constexpr unsigned kSearchMilliseconds = 1000;

// Messages that no index has yet and that a search looks through itself, the newest of
// them: the index is behind by less, unless it is being made for an old database.
constexpr unsigned kMaxUnindexed = 10000;

// Conversations that an unread-count names one by one; the total covers all.
constexpr unsigned kMaxBadge = 1000;

// Commands waiting in one shard's stream: at 10,000 a second they are a second's work;
// past that a caller is better served by an immediate 503 than by a sure 504.
constexpr unsigned kMaxQueue = 10000;

// Events kept in an inbox's replay log (about; Redis trims whole nodes) and for how
// long after the last stream was open. A client that was away longer refetches.
constexpr unsigned kLogEvents = 256;
constexpr unsigned kLogSeconds = 60;

// Who has a stream open says so this often; who did not for more than twice that is
// not there. When somebody was last seen is known for a month.
constexpr unsigned kPresenceMilliseconds = 20 * 1000;
constexpr unsigned kAbsentMilliseconds = 45 * 1000;
constexpr unsigned kSeenSeconds = 30 * 24 * 3600;

// When somebody comes or goes, the members of so many of their newest conversations
// hear it, and no more than so many people; a page shows of so many who is there.
constexpr unsigned kMaxCircles = 100;
constexpr size_t kMaxWitnesses = 1000;
constexpr size_t kMaxPresences = 500;

// Reads older than this are dead: every module gave up on them long before.
constexpr unsigned kReadSeconds = 60;

// Revocations that hold at once: nginx's processes keep all of them, some 200 bytes
// each, and read them all when Redis comes up. How long one holds by default, and at
// most: as long as the tokens that it is about may live.
constexpr size_t kMaxRevocations = 10000;
constexpr uint64_t kRevocationSeconds = 31 * 86400;
constexpr uint64_t kMaxRevocationSeconds = 3660ull * 86400;

// A reply or an event from Redis that is longer than this is not believed.
// A page of 200 messages of 40 KB, escaped, is the longest honest one.
constexpr size_t kMaxReply = 32 * 1024 * 1024;
constexpr size_t kMaxEvent = 1024 * 1024;

// Runs of one command before it is put aside as a dead letter: the first may have met a
// crash of its neighbours, the second its own, the third proves it.
constexpr unsigned kMaxAttempts = 3;

}  // namespace messaging::limits
