// Sign-ins that a site took back before their tokens' time: what a revocation is, and
// its bytes in Redis. Both programs link this; neither trusts the other's bytes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/status.hpp"

namespace messaging {

// Of a user's tokens, those issued at `at` or before are refused; of one session's
// where it is named.
struct Revocation {
    std::string site;
    std::string user;
    std::string session;  // empty: all of them
    uint64_t at = 0;      // Unix seconds
    uint64_t until = 0;   // Unix seconds: no token that it is about lives longer
};

// Whether site, user, session and times may be such.
Status validate(const Revocation& revocation);

// "SITE\nUSER\nSESSION": which one of a site it is. No id holds a control character.
std::string revocationName(std::string_view site, std::string_view user,
                           std::string_view session);
// "AT UNTIL"
std::string revocationTimes(const Revocation& revocation);
// A field of the list and its value. InvalidField: it is neither a revocation nor ours.
Result<Revocation> decodeRevocation(std::string_view name, std::string_view times);

// What is announced where one is added, "1 AT UNTIL\nSITE\nUSER\nSESSION"; or "1": read
// the whole list.
struct RevocationNews {
    std::optional<Revocation> revocation;
};
Result<RevocationNews> decodeRevocationNews(std::string_view bytes);

// The field by which a list says that it has all that the store has.
extern const char* const kRevocationsComplete;

// KEYS list; ARGV channel, now, what, then name, at and until of each. Adds them, each
// time by the later one, and forgets those that are over. What: "add" announces each;
// "fill" none; "complete" says that the list is, and to read it.
extern const char* const kRevokeScript;

}  // namespace messaging
