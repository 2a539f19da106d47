// Entity tags for an answer that is polled and seldom changes: the unread-count. Pure.
#pragma once

#include <string>
#include <string_view>

namespace messaging::core {

// A strong tag of these bytes, with its quotes.
std::string etagOf(std::string_view body);

// Whether If-None-Match (RFC 9110, 13.1.2) names this tag: weak comparison, lists, "*".
// What is no such header names nothing.
bool matches(std::string_view ifNoneMatch, std::string_view etag);

}  // namespace messaging::core
