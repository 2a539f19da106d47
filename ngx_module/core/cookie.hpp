// Cookies in a request's Cookie header (RFC 6265, 4.2), by their exact names: a browser
// guards "__Secure-a" and not "__secure-a", so they are not the same. Pure.
#pragma once

#include <string_view>

namespace messaging::core {

struct Cookie {
    std::string_view value;  // empty: there is none, or it is
    // Another one of this name says something else. The site's own code may read the
    // other, and one of the two may be a neighbouring host's, so it is nobody's.
    bool contradicted = false;
};

// Looks through one header; a request with several looks through each in turn.
void findCookie(std::string_view header, std::string_view name, Cookie* found);

}  // namespace messaging::core
