// Compares an origin with a host the way browsers build both: a port that is the
// scheme's own is left out, a name has no case.
#include "ngx_module/core/origin.hpp"

#include <algorithm>

#include "schema/text.hpp"

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

bool consistsOf(std::string_view text, std::string_view letters) {
    return !text.empty() && text.find_first_not_of(letters) == text.npos;
}

bool validScheme(std::string_view scheme) {
    return consistsOf(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") &&
           scheme[0] >= 'a' && scheme[0] <= 'z';
}

// A name as it stands in DNS (an international one by its xn--), or [IPv6].
bool validHost(std::string_view host) {
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        return consistsOf(host.substr(1, host.size() - 2), "0123456789abcdef:.");
    }
    return host.size() <= 253 &&
           consistsOf(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") &&
           host.front() != '.';
}

}  // namespace

bool sameOrigin(const Provenance& request) {
    if (request.listed) {
        return true;
    }
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

Result<std::string> parseOrigin(std::string_view text) {
    std::string origin(text);
    std::transform(origin.begin(), origin.end(), origin.begin(), lower);
    const std::string_view whole = origin;
    const size_t mark = whole.find("://");
    if (mark == whole.npos || !validScheme(whole.substr(0, mark))) {
        return {Code::InvalidField, "it is not SCHEME://HOST[:PORT]"};
    }
    std::string_view host = whole.substr(mark + 3);
    if (host.find('/') != host.npos) {
        return {Code::InvalidField, "an origin has no path, not even \"/\""};
    }
    const size_t colon = host.rfind(':');
    if (colon != host.npos && host.back() != ']') {
        const auto port = parseUnsigned(host.substr(colon + 1));
        if (!port || *port == 0 || *port > 65535) {
            return {Code::InvalidField, "its port is not one"};
        }
        const std::string written = std::to_string(*port);
        host = host.substr(0, colon);
        origin.replace(mark + 3 + colon + 1, origin.npos, written);
    }
    const std::string_view place = std::string_view(origin).substr(mark + 3);
    if (!validHost(place.substr(0, host.size()))) {
        return {Code::InvalidField,
                "its host is not a name or an address: an origin is exact"};
    }
    const std::string scheme = origin.substr(0, mark);
    const bool known = scheme == "http" || scheme == "https";
    return scheme + "://" +
           std::string(known ? withoutDefaultPort(place, scheme) : place);
}

}  // namespace messaging::core
