// Who asks: by a token that one of the configured keys made, or by nginx variables
// that the site's auth_request set. What is not certain is nobody.
#include "ngx_module/ngx_messaging.hpp"

#include "ngx_module/core/cookie.hpp"
#include "ngx_module/core/origin.hpp"
#include "ngx_module/core/whom.hpp"
#include "ngx_module/ngx_revocation.hpp"
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
    const auto value = requestHeader(r, name, &many);
    return many ? std::string_view("?") : value.value_or(std::string_view());
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

std::string_view scheme(ngx_http_request_t* r) {
#if (NGX_HTTP_SSL)
    if (r->connection->ssl != nullptr) {
        return "https";
    }
#endif
    return "http";
}

core::Cookie cookie(ngx_http_request_t* r, std::string_view name) {
    core::Cookie found;
#if (nginx_version >= 1023000)
    for (const ngx_table_elt_t* line = r->headers_in.cookie; line != nullptr;
         line = line->next) {
        core::findCookie(view(line->value), name, &found);
    }
#else
    const auto* lines =
        static_cast<ngx_table_elt_t* const*>(r->headers_in.cookies.elts);
    for (ngx_uint_t i = 0; i < r->headers_in.cookies.nelts; i++) {
        core::findCookie(view(lines[i]->value), name, &found);
    }
#endif
    return found;
}

// What a request shows to a key; an empty token: nothing.
struct Shown {
    std::string token;
    bool contradicted = false;

    void add(const core::Cookie& cookie) {
        token += cookie.value;
        contradicted |= cookie.contradicted;
    }
};

// A session's cookie, which NextAuth cuts to NAME.0, NAME.1, … where it is too long for
// one.
Shown sessionCookie(ngx_http_request_t* r, const std::string& name) {
    constexpr int kMostPieces = 8;
    Shown shown;
    shown.add(cookie(r, name));
    const bool whole = !shown.token.empty();
    for (int i = 0; !whole && i < kMostPieces; i++) {
        const core::Cookie piece = cookie(r, name + '.' + std::to_string(i));
        if (piece.value.empty()) {
            break;
        }
        shown.add(piece);
    }
    return shown;
}

Shown show(ngx_http_request_t* r, const core::TokenKey& key, std::string_view bearer) {
    const bool session = core::isSession(key.algorithm);
    Shown shown;
    if (!bearer.empty()) {
        shown.token = session ? std::string_view() : bearer;
        return shown;
    }
    if (key.cookie.empty() || (!key.overTls && scheme(r) == "https")) {
        return shown;
    }
    if (session) {
        return sessionCookie(r, key.cookie);
    }
    shown.add(cookie(r, key.cookie));
    return shown;
}

// Nobody will ever be signed in by such a one, so the operator is told, once: anybody
// can send it.
void tellOpaque(ngx_http_request_t* r, Process* here, const core::TokenKey& key) {
    if (here->opaqueTold) {
        return;
    }
    here->opaqueTold = true;
    ngx_log_error(
        NGX_LOG_ERR, r->connection->log, 0,
        "messaging: the session cookie \"%s\" is opaque: if the site keeps its "
        "sessions in a database, ask it by auth_request and "
        "messaging_identity instead of messaging_nextauth",
        key.cookie.c_str());
}

// Until when the token is taken, which is a little longer than it says.
Status accept(ngx_http_request_t* r, const core::TokenKey& key, core::Claims claims,
              Identity* who, uint64_t* expires) {
    const ngx_str_t session = copyToPool(r->pool, claims.session);
    if (session.data == nullptr) {
        return {Code::Internal, "no memory"};
    }
    const core::SignIn signIn = {locConf(r)->site, claims.user, claims.session,
                                 claims.issued};
    if (process(r)->revocations->refuses(signIn)) {
        return {Code::Unauthenticated, "the sign-in was taken back"};
    }
    existingContext(r)->session = session;
    existingContext(r)->issued = claims.issued;
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
    // Of each key: only one of them says what the token's owner looks for.
    std::string why;
    for (const core::TokenKey& key : conf->keys) {
        const Shown shown = show(r, key, bearer);
        if (shown.contradicted) {
            return {Code::Unauthenticated, "two cookies of one name contradict"};
        }
        if (shown.token.empty()) {
            continue;
        }
        if (core::isSession(key.algorithm) && core::isOpaqueSession(shown.token)) {
            tellOpaque(r, here, key);
            continue;
        }
        auto claims = here->tokens.verify(key, shown.token, now);
        if (claims.ok()) {
            return accept(r, key, std::move(claims.value()), who, expires);
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

// Whether the request may come with what the browser adds by itself. A stream changes
// nothing and cannot be read by another site's page, but it would take one of the
// user's places.
Status checkOrigin(ngx_http_request_t* r) {
    const RequestContext* own = existingContext(r);
    const bool stream = own->operation == Operation::Stream;
    if (!stream && !own->unsafe) {
        return {};
    }
    const bool bodyless = (r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) != 0;
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

// Before the role is looked at: the other one's is none of this page's.
Status checkWhom(ngx_http_request_t* r, const Identity& who) {
    core::Whom whom;
    whom.named = requestHeader(r, core::kUserHeader, &whom.many);
    return core::meantFor(whom, who.user);
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
    if (status.ok()) {
        status = checkWhom(r, *who);
    }
    if (status.ok() && conf->profile != nullptr) {
        const std::optional<std::string> role = conf->profile->roleFor(who->role);
        if (!role) {
            return {Code::ForbiddenRole,
                    "no role of the profile is \"" + who->role + '"'};
        }
        who->role = *role;
    }
    who->team = teamOf(conf, who->role);
    return status;
}

}  // namespace messaging
