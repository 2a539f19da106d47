// Whether a request that changes something was begun by the site's own pages. Asked
// where the browser adds the sign-in by itself (cookies), so that another site's page
// could borrow it. Pure.
#pragma once

#include <string_view>

namespace messaging::core {

// What a request says of where it comes from; empty: the header is not there.
struct Provenance {
    std::string_view secFetchSite;
    std::string_view origin;
    std::string_view contentType;
    std::string_view host;    // the Host header, with its port if it names one
    std::string_view scheme;  // as this nginx sees it: "http", "https"
};

// Sec-Fetch-Site decides where the browser sends it, else Origin, which must name this
// host. With neither, only application/json passes: no form can send that, and a script
// of another origin only after a preflight that nobody here answers.
bool sameOrigin(const Provenance& request);

// Whether a Content-Type is application/json, with whatever parameters.
bool isJson(std::string_view contentType);

}  // namespace messaging::core
