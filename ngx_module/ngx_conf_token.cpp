// Setters of messaging_jwt and messaging_nextauth: keys, read once, from files that a
// reload reads again.
#include <algorithm>

#include "ngx_module/ngx_conf.hpp"

namespace messaging {
namespace {

constexpr unsigned kMaxLeeway = 60;  // seconds

// The names that NextAuth 4 and Auth.js 5 give their cookie. Over HTTPS it is the
// __Secure- one, which plain HTTP cannot set: it is asked first, and alone where nginx
// itself sees TLS.
struct SessionCookie {
    std::string_view name;
    core::Algorithm algorithm;
    bool overTls;
};
constexpr SessionCookie kSessionCookies[] = {
    {"__Secure-authjs.session-token", core::Algorithm::AuthJs5, true},
    {"__Secure-next-auth.session-token", core::Algorithm::NextAuth4, true},
    {"authjs.session-token", core::Algorithm::AuthJs5, false},
    {"next-auth.session-token", core::Algorithm::NextAuth4, false},
};

bool parseAlgorithm(std::string_view name, core::Algorithm* algorithm) {
    if (name == "HS256") {
        *algorithm = core::Algorithm::HS256;
    } else if (name == "RS256") {
        *algorithm = core::Algorithm::RS256;
    } else if (name == "ES256") {
        *algorithm = core::Algorithm::ES256;
    } else if (name == "EdDSA") {
        *algorithm = core::Algorithm::EdDSA;
    } else {
        return false;
    }
    return true;
}

// RFC 6265's token, so that a name can be found in a Cookie header as it stands.
bool validCookie(std::string_view name) {
    for (const char c : name) {
        if (c <= ' ' || c > '~' ||
            std::string_view("()<>@,;:\\\"/[]?={}").find(c) != std::string_view::npos) {
            return false;
        }
    }
    return !name.empty();
}

char* parseLeeway(ngx_conf_t* cf, std::string_view value, unsigned* leeway) {
    ngx_str_t text = ngxString(value);
    const ngx_int_t seconds = ngx_parse_time(&text, 1);
    if (seconds == NGX_ERROR || seconds > static_cast<ngx_int_t>(kMaxLeeway)) {
        return refuse(cf, "invalid leeway " + quoted(value) + ": at most 60s");
    }
    *leeway = static_cast<unsigned>(seconds);
    return NGX_CONF_OK;
}

// id=, role=, name= and session= of the token's claims; false if it is none of them.
bool claimOption(const ngx_str_t& argument, core::ClaimNames* claims,
                 std::string** claim, std::string_view* value) {
    const std::pair<std::string_view, std::string*> kClaims[] = {
        {"id", &claims->user},
        {"role", &claims->role},
        {"name", &claims->name},
        {"session", &claims->session}};
    for (const auto& [name, target] : kClaims) {
        if (option(argument, name, value)) {
            *claim = target;
            return true;
        }
    }
    return false;
}

// What both kinds of key may have.
char* parseCommonOption(ngx_conf_t* cf, const ngx_str_t& argument,
                        core::TokenKey* settings) {
    std::string_view value;
    std::string* claim = nullptr;
    if (option(argument, "cookie", &value)) {
        settings->cookie = value;
        return validCookie(value) ? NGX_CONF_OK
                                  : refuse(cf, "invalid cookie name " + quoted(value));
    }
    if (option(argument, "leeway", &value)) {
        return parseLeeway(cf, value, &settings->leeway);
    }
    if (claimOption(argument, &settings->claims, &claim, &value)) {
        *claim = value;
        return core::validClaimName(value)
                   ? NGX_CONF_OK
                   : refuse(cf, "invalid claim " + quoted(value) +
                                    ": a name, or names with dots between");
    }
    return refuse(cf, "unknown parameter " + quoted(view(argument)));
}

char* parseJwtOption(ngx_conf_t* cf, const ngx_str_t& argument,
                     core::TokenKey* settings, bool* algorithmSet) {
    std::string_view value;
    if (option(argument, "alg", &value)) {
        *algorithmSet = parseAlgorithm(value, &settings->algorithm);
        return *algorithmSet ? NGX_CONF_OK
                             : refuse(cf, "unknown algorithm " + quoted(value) +
                                              ": HS256, RS256, ES256 or EdDSA");
    }
    if (option(argument, "iss", &value)) {
        settings->issuer = value;
        return value.empty() ? refuse(cf, "the issuer is empty") : NGX_CONF_OK;
    }
    if (option(argument, "aud", &value)) {
        settings->audience = value;
        return value.empty() ? refuse(cf, "the audience is empty") : NGX_CONF_OK;
    }
    return parseCommonOption(cf, argument, settings);
}

// One of two would be forgotten, and which is not for us to say.
bool standsTwice(const ngx_conf_t* cf, ngx_uint_t i) {
    const std::string_view word = view(arguments(cf)[i]);
    const std::string_view name = word.substr(0, word.find('='));
    for (ngx_uint_t other = 2; other < i; other++) {
        const std::string_view earlier = view(arguments(cf)[other]);
        if (earlier.substr(0, earlier.find('=')) == name) {
            return true;
        }
    }
    return false;
}

char* refuseFile(ngx_conf_t* cf, const Status& why) {
    return refuse(cf, quoted(view(arguments(cf)[1])) + ": " + why.detail());
}

char* addKey(ngx_conf_t* cf, LocConf* conf) {
    core::TokenKey settings;
    bool algorithmSet = false;
    for (ngx_uint_t i = 2; i < cf->args->nelts; i++) {
        const ngx_str_t& word = arguments(cf)[i];
        if (standsTwice(cf, i)) {
            return refuse(cf,
                          quoted(view(word)) + " stands beside another of its kind");
        }
        if (parseJwtOption(cf, word, &settings, &algorithmSet) != NGX_CONF_OK) {
            return kFailed;
        }
    }
    if (!algorithmSet) {
        return refuse(cf, "alg= is missing: the token must not choose it");
    }
    std::string content;
    if (!readFile(cf, view(arguments(cf)[1]), &content)) {
        return kFailed;
    }
    auto key = core::makeKey(settings.algorithm, content);
    if (!key.ok()) {
        return refuseFile(cf, key.status());
    }
    settings.keys = std::move(key->keys);
    conf->keys.push_back(std::move(settings));
    return NGX_CONF_OK;
}

struct SessionSettings {
    core::TokenKey common;
    bool versionSet = false;  // to what common.algorithm says
};

char* parseSessionOption(ngx_conf_t* cf, const ngx_str_t& argument,
                         SessionSettings* settings) {
    std::string_view value;
    if (!option(argument, "version", &value)) {
        return parseCommonOption(cf, argument, &settings->common);
    }
    settings->versionSet = value == "4" || value == "5";
    settings->common.algorithm =
        value == "4" ? core::Algorithm::NextAuth4 : core::Algorithm::AuthJs5;
    return settings->versionSet ? NGX_CONF_OK
                                : refuse(cf, "unknown version " + quoted(value) +
                                                 ": 4 (NextAuth) or 5 (Auth.js)");
}

// The cookies to look for, by a name of the site's or by those of the version.
std::vector<SessionCookie> sessionCookies(const SessionSettings& settings) {
    const core::TokenKey& common = settings.common;
    if (!common.cookie.empty()) {
        return {{common.cookie, common.algorithm, true}};
    }
    std::vector<SessionCookie> cookies;
    for (const SessionCookie& one : kSessionCookies) {
        if (!settings.versionSet || one.algorithm == common.algorithm) {
            cookies.push_back(one);
        }
    }
    return cookies;
}

// A key for each cookie: its name is a part of what Auth.js 5 derives the key from.
char* addSessionKeys(ngx_conf_t* cf, LocConf* conf) {
    SessionSettings settings;
    for (ngx_uint_t i = 2; i < cf->args->nelts; i++) {
        const ngx_str_t& word = arguments(cf)[i];
        if (standsTwice(cf, i)) {
            return refuse(cf,
                          quoted(view(word)) + " stands beside another of its kind");
        }
        if (parseSessionOption(cf, word, &settings) != NGX_CONF_OK) {
            return kFailed;
        }
    }
    if (!settings.common.cookie.empty() && !settings.versionSet) {
        return refuse(cf,
                      "version= is missing, 4 (NextAuth) or 5 (Auth.js): a cookie of "
                      "another name must not choose it");
    }
    std::string secrets;
    if (!readFile(cf, view(arguments(cf)[1]), &secrets)) {
        return kFailed;
    }
    for (const SessionCookie& cookie : sessionCookies(settings)) {
        auto key = core::makeSessionKey(cookie.algorithm, secrets, cookie.name);
        if (!key.ok()) {
            return refuseFile(cf, key.status());
        }
        key->overTls = cookie.overTls;
        key->leeway = settings.common.leeway;
        key->claims = settings.common.claims;
        conf->keys.push_back(std::move(key.value()));
    }
    return NGX_CONF_OK;
}

}  // namespace

char* setJwt(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&] {
        auto* conf = static_cast<LocConf*>(data);
        return conf->user != nullptr ? refuse(cf, kOneKind) : addKey(cf, conf);
    });
}

char* setNextauth(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&] {
        auto* conf = static_cast<LocConf*>(data);
        return conf->user != nullptr ? refuse(cf, kOneKind) : addSessionKeys(cf, conf);
    });
}

}  // namespace messaging
