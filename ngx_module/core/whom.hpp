// Whom a request is for. Cookies are of all tabs: where somebody signs in after
// somebody else, a page of the former goes on under the cookie of the latter, and would
// say the one's words as the other. So a page may name its person, and is refused.
// Pure.
#pragma once

#include <optional>
#include <string_view>

#include "schema/status.hpp"

namespace messaging::core {

// The user's id, percent-encoded as in a path: headers hold no other letters than
// ASCII's.
constexpr std::string_view kUserHeader = "Messaging-User";

struct Whom {
    std::optional<std::string_view> named;  // what the header says, where it is there
    bool many = false;                      // it stands twice
};

// OtherUser where it is for another than `user`, who is signed in; InvalidField where
// nobody can be meant by it. Who names nobody means whoever is signed in.
Status meantFor(const Whom& whom, std::string_view user);

}  // namespace messaging::core
