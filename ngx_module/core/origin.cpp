// Compares an origin with a host the way browsers build both: a port that is the
// scheme's own is left out, a name has no case.
#include "ngx_module/core/origin.hpp"

#include <algorithm>

namespace messaging::core {
namespace {

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A'))
                                          : letter;
}

bool equalNoCase(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

bool isBlank(char letter) {
    return letter == ' ' || letter == '\t';
}

std::string_view withoutBlanks(std::string_view text) {
    while (!text.empty() && isBlank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && isBlank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

// "host", "host:port", "[::1]:port" without a port that is the scheme's own.
std::string_view withoutDefaultPort(std::string_view host, std::string_view scheme) {
    const std::string_view port = equalNoCase(scheme, "https") ? ":443" : ":80";
    if (host.size() > port.size() && host.substr(host.size() - port.size()) == port) {
        const std::string_view name = host.substr(0, host.size() - port.size());
        // An IPv6 address ends in "]", or these are its own digits.
        if (name.find(':') == std::string_view::npos || name.back() == ']') {
            return name;
        }
    }
    return host;
}

bool namesThisHost(const Provenance& request) {
    const size_t mark = request.origin.find("://");
    if (mark == std::string_view::npos) {
        return false;  // "null" is one of these
    }
    const std::string_view scheme = request.origin.substr(0, mark);
    const std::string_view host = request.origin.substr(mark + 3);
    // TLS may end in front of this nginx: then it sees http where the page is https.
    // The other way round somebody on the wire may have written the page.
    const bool secure = equalNoCase(scheme, "https");
    if (!secure &&
        (!equalNoCase(scheme, "http") || equalNoCase(request.scheme, "https"))) {
        return false;
    }
    return !host.empty() && equalNoCase(withoutDefaultPort(host, scheme),
                                        withoutDefaultPort(request.host, scheme));
}

}  // namespace

bool sameOrigin(const Provenance& request) {
    if (!request.secFetchSite.empty()) {
        return request.secFetchSite == "same-origin" || request.secFetchSite == "none";
    }
    if (!request.origin.empty()) {
        return namesThisHost(request);
    }
    return isJson(request.contentType);
}

bool isJson(std::string_view contentType) {
    const std::string_view type = contentType.substr(0, contentType.find(';'));
    return equalNoCase(withoutBlanks(type), "application/json");
}

}  // namespace messaging::core
