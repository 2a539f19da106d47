// Who asks: by a token that one of the configured keys signed, or by nginx variables
// that the site's auth_request set. What is not certain is nobody.
#include "ngx_module/ngx_messaging.hpp"

#include "ngx_module/core/origin.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

// A browser sends cookies by itself, also where another site's page makes it ask.
enum class Credential { Explicit, Ambient };

std::string_view header(const ngx_table_elt_t* element) {
    return element == nullptr ? std::string_view() : view(element->value);
}

// A header that stands twice is none of the two.
std::string_view onlyHeader(ngx_http_request_t* r, std::string_view name) {
    bool many = false;
    const std::string_view value = requestHeader(r, name, &many);
    return many ? std::string_view("?") : value;
}

std::string_view bearerToken(ngx_http_request_t* r) {
    constexpr std::string_view kScheme = "bearer ";
    std::string_view value = header(r->headers_in.authorization);
    if (value.size() <= kScheme.size() ||
        ngx_strncasecmp(ngxString(value).data, ngxString(kScheme).data,
                        kScheme.size()) != 0) {
        return {};
    }
    value.remove_prefix(kScheme.size());
    return trim(value);
}

std::string_view cookie(ngx_http_request_t* r, std::string_view name) {
    ngx_str_t wanted = ngxString(name);
    ngx_str_t value = ngx_null_string;
#if (nginx_version >= 1023000)
    const bool found = ngx_http_parse_multi_header_lines(r, r->headers_in.cookie,
                                                         &wanted, &value) != nullptr;
#else
    const bool found = ngx_http_parse_multi_header_lines(
                           &r->headers_in.cookies, &wanted, &value) != NGX_DECLINED;
#endif
    return found ? view(value) : std::string_view();
}

// Until when the token is taken, which is a little longer than it says.
Status accept(const core::TokenKey& key, core::Claims claims, Identity* who,
              uint64_t* expires) {
    who->user = std::move(claims.user);
    who->role = std::move(claims.role);
    who->name = std::move(claims.name);
    *expires = claims.expires + key.leeway;
    return {};
}

// The first key that a token fits. A bearer token that fits none is not excused by a
// cookie.
Status byToken(ngx_http_request_t* r, const LocConf* conf, Identity* who,
               uint64_t* expires, Credential* credential) {
    Process* here = process(r);
    if (here == nullptr) {
        return {Code::RedisUnavailable, "this process could not begin"};
    }
    const auto now = static_cast<uint64_t>(ngx_time());
    const std::string_view bearer = bearerToken(r);
    *credential = bearer.empty() ? Credential::Ambient : Credential::Explicit;
    std::string
        why;  // of each key: only one of them says what the token's owner looks for
    for (const core::TokenKey& key : conf->keys) {
        std::string_view token = bearer;
        if (token.empty() && !key.cookie.empty()) {
            token = cookie(r, key.cookie);
        }
        if (token.empty()) {
            continue;
        }
        auto claims = here->tokens.verify(key, token, now);
        if (claims.ok()) {
            return accept(key, std::move(claims.value()), who, expires);
        }
        if (why.find(claims.status().detail()) == why.npos) {
            why += (why.empty() ? "" : "; ") + claims.status().detail();
        }
    }
    return {Code::Unauthenticated, why};
}

bool evaluate(ngx_http_request_t* r, ngx_http_complex_value_t* value,
              std::string* out) {
    ngx_str_t text = ngx_null_string;
    if (value != nullptr && ngx_http_complex_value(r, value, &text) != NGX_OK) {
        return false;
    }
    *out = view(text);
    return true;
}

Status byVariables(ngx_http_request_t* r, const LocConf* conf, Identity* who,
                   uint64_t* expires) {
    std::string end;
    if (!evaluate(r, conf->user, &who->user) || !evaluate(r, conf->role, &who->role) ||
        !evaluate(r, conf->name, &who->name) || !evaluate(r, conf->expires, &end)) {
        return {Code::Unauthenticated, "a variable of messaging_identity has no value"};
    }
    if (who->user.empty()) {
        return {Code::Unauthenticated};
    }
    if (!validUser(who->user) || !validName(who->role, limits::kMaxName) ||
        !validName(who->name, limits::kMaxName)) {
        return {Code::Unauthenticated, "user, role or name is out of its bounds"};
    }
    if (end.empty()) {
        return {};
    }
    const auto seconds = parseUnsigned(end);
    if (!seconds || *seconds <= static_cast<uint64_t>(ngx_time())) {
        return {Code::Unauthenticated, "the identity has expired"};
    }
    *expires = *seconds;
    return {};
}

std::string_view scheme(ngx_http_request_t* r) {
#if (NGX_HTTP_SSL)
    if (r->connection->ssl != nullptr) {
        return "https";
    }
#endif
    return "http";
}

// Whether the request may come with what the browser adds by itself. A stream changes
// nothing and cannot be read by another site's page, but it would take one of the
// user's places.
Status checkOrigin(ngx_http_request_t* r) {
    const RequestContext* own = existingContext(r);
    const bool stream = own->operation == Operation::Stream;
    if (!stream && !own->unsafe) {
        return {};
    }
    const bool bodyless = stream || !isWrite(own->operation);
    core::Provenance from;
    from.secFetchSite = onlyHeader(r, "Sec-Fetch-Site");
    from.origin = onlyHeader(r, "Origin");
    from.contentType =
        bodyless ? "application/json" : header(r->headers_in.content_type);
    from.host = header(r->headers_in.host);
    from.scheme = scheme(r);
    from.listed = own->originListed;
    if (core::sameOrigin(from)) {
        return {};
    }
    return {Code::ForbiddenOrigin, "a request with a cookie from another origin"};
}

}  // namespace

Status authenticate(ngx_http_request_t* r, const LocConf* conf, Identity* who,
                    uint64_t* expires) {
    *expires = 0;
    who->site = conf->site;
    // What variables were made from is not known here, so it may have been a cookie.
    Credential credential = Credential::Ambient;
    Status status = conf->user != nullptr ? byVariables(r, conf, who, expires)
                                          : byToken(r, conf, who, expires, &credential);
    if (status.ok() && credential == Credential::Ambient) {
        status = checkOrigin(r);
    }
    if (status.ok() && conf->profile != nullptr) {
        const std::optional<std::string> role = conf->profile->roleFor(who->role);
        if (!role) {
            return {Code::ForbiddenRole,
                    "no role of the profile is \"" + who->role + '"'};
        }
        who->role = *role;
    }
    return status;
}

}  // namespace messaging
