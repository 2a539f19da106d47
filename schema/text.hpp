// Text as the protocol sees it: UTF-8 by RFC 3629, counted in code points. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace messaging {

// Code points of valid UTF-8 (no overlong form, no surrogate, at most U+10FFFF);
// nothing where it is not valid.
std::optional<size_t> countCharacters(std::string_view text);

// Without the white space (Unicode White_Space and U+FEFF) at both ends. Valid UTF-8
// only.
std::string_view trim(std::string_view text);

// The first `characters` code points; "…" takes the last one's place where more follow.
std::string preview(std::string_view text, size_t characters);

// An id (user, conversation, key): 1 to kMaxId code points of valid UTF-8, no control
// character, no white space at either end.
bool validId(std::string_view id);

// A person's id. One that begins with "team:" is kept for members that stand for many:
// nobody signs in as one, and no client names one.
bool validUser(std::string_view id);

// Many people as one member: those of a role, "team:ROLE". Byte-exact; the id that
// would be too long or odd is no team's.
std::string teamId(std::string_view role);
// The role of a team's id; empty where it is not one.
std::string_view teamRole(std::string_view id);

// Who can be a member: a person or a team.
bool validMember(std::string_view id);

// A word of programs: 1 to kMaxWord ASCII letters, digits, ".", "_", "-".
bool validWord(std::string_view word);

// A role or a person's name: at most `characters` code points of valid UTF-8, perhaps
// none, no control character.
bool validName(std::string_view name, size_t characters);

// ISO 8601, UTC, milliseconds: "2026-01-02T03:04:05.678Z".
std::string isoTime(uint64_t unixMilliseconds);

// Decimal digits only, no sign, fits 64 bits.
std::optional<uint64_t> parseUnsigned(std::string_view digits);

}  // namespace messaging
