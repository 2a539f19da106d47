// Whether a request that changes something was begun by the site's own pages. Asked
// where the browser adds the sign-in by itself (cookies), so that another site's page
// could borrow it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "schema/status.hpp"

namespace messaging::core {

// What a request says of where it comes from; empty: the header is not there.
struct Provenance {
    std::string_view secFetchSite;
    std::string_view origin;
    std::string_view contentType;
    std::string_view host;    // the Host header, with its port if it names one
    std::string_view scheme;  // as this nginx sees it: "http", "https"
    bool listed = false;      // the site's configuration names this Origin
};

// A listed origin is as good as the site's own. Else Sec-Fetch-Site decides where the
// browser sends it, else Origin, which must name this host. With neither, only
// application/json passes: no form can send that, and a script of another origin only
// after a preflight, which is answered to listed ones alone.
bool sameOrigin(const Provenance& request);

// Whether a Content-Type is application/json, with whatever parameters.
bool isJson(std::string_view contentType);

// An origin that a configuration names, SCHEME://HOST[:PORT], as browsers write it: in
// lower case, without a port that is the scheme's own. InvalidField with a detail.
Result<std::string> parseOrigin(std::string_view text);

}  // namespace messaging::core
