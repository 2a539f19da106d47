// The unread-count, which is polled and seldom changes: its entity tags, and how the
// answers for two inboxes make one. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace messaging::core {

// A strong tag of these bytes, with its quotes.
std::string etagOf(std::string_view body);

// Whether If-None-Match (RFC 9110, 13.1.2) names this tag: weak comparison, lists, "*".
// What is no such header names nothing.
bool matches(std::string_view ifNoneMatch, std::string_view etag);

// Whether an answer for a person's own inbox is for one without a team, and can go out
// as it is. One for somebody with a team begins with that and has more to say.
bool isPlain(std::string_view own);

// A person's badge from the answers for their own inbox and for their team's. In a
// conversation of both they take part as themselves, so the team's count is not theirs.
// Nothing where the answers cannot be read, or `own` was counted beside another team.
std::optional<std::string> joinBadges(std::string_view own, std::string_view others,
                                      std::string_view team);

// Whether joinBadges would take it as `own`.
bool isBeside(std::string_view own, std::string_view team);

}  // namespace messaging::core
