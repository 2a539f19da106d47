// What a token says, once it is known to be the site's: times, issuer, audience, and
// who it is for, by the names that the configuration gives the claims.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "ngx_module/core/token_parts.hpp"
#include "schema/json.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging::core {
namespace {

// A claim of a URL's name has dots that mean nothing.
bool isWhole(std::string_view name) {
    return name.find_first_of(":/") != std::string_view::npos;
}

// The claim of this name or way, nullptr where there is none. One that is null counts
// as absent.
const json::Value* claimAt(const json::Value& claims, std::string_view name) {
    const json::Value* value = &claims;
    while (value != nullptr && !name.empty()) {
        const size_t dot = isWhole(name) ? name.npos : name.find('.');
        value = value->find(name.substr(0, dot));
        name.remove_prefix(dot == name.npos ? name.size() : dot + 1);
    }
    return value == nullptr || value->is(json::Type::Null) ? nullptr : value;
}

// A NumericDate (RFC 7519, 2): seconds, perhaps with a fraction. False if it is none.
bool numericDate(const json::Value& value, double* seconds) {
    if (!value.is(json::Type::Number)) {
        return false;
    }
    const char* end = value.text.data() + value.text.size();
    const auto [stop, error] = std::from_chars(value.text.data(), end, *seconds);
    return error == std::errc() && stop == end && *seconds >= 0 &&
           *seconds <= static_cast<double>(limits::kMaxInteger);
}

Status takeTimes(const json::Value& claims, Verified* verified) {
    double seconds = 0;
    const json::Value* expires = claims.find("exp");
    if (expires == nullptr || !numericDate(*expires, &seconds)) {
        return refuseToken("exp is absent or no date");
    }
    // Fractions are rounded against the token.
    verified->claims.expires = static_cast<uint64_t>(std::floor(seconds));
    if (const json::Value* notBefore = claims.find("nbf")) {
        if (!numericDate(*notBefore, &seconds)) {
            return refuseToken("nbf is no date");
        }
        verified->notBefore = static_cast<uint64_t>(std::ceil(seconds));
    }
    const json::Value* issued = claims.find("iat");
    if (issued != nullptr) {
        if (!numericDate(*issued, &seconds)) {
            return refuseToken("iat is no date");
        }
        verified->claims.issued = static_cast<uint64_t>(std::floor(seconds));
    }
    return {};
}

bool isText(const json::Value* value, std::string_view wanted) {
    return value != nullptr && value->is(json::Type::String) && value->text == wanted;
}

Status checkIssuerAndAudience(const TokenKey& key, const json::Value& claims) {
    if (!key.issuer.empty() && !isText(claims.find("iss"), key.issuer)) {
        return refuseToken("iss is not the configured one");
    }
    if (key.audience.empty() || isText(claims.find("aud"), key.audience)) {
        return {};
    }
    const json::Value* audience = claims.find("aud");
    if (audience != nullptr && audience->is(json::Type::Array)) {
        for (const json::Value& item : audience->items) {
            if (isText(&item, key.audience)) {
                return {};
            }
        }
    }
    return refuseToken("aud does not name the configured one");
}

// An id, or an integer in its decimal form; false if it is neither.
bool takeId(const json::Value& value, std::string* id) {
    uint64_t number = 0;
    if (value.is(json::Type::String)) {
        *id = value.text;
        return true;
    }
    if (!value.unsignedInteger(&number)) {
        return false;
    }
    *id = std::to_string(number);
    return true;
}

Status takeIdentity(const ClaimNames& names, const json::Value& claims,
                    Claims* identity) {
    const json::Value* subject = claimAt(claims, names.user);
    if (subject == nullptr || !takeId(*subject, &identity->user) ||
        !validUser(identity->user)) {
        return refuseToken("the user's claim is absent or no id");
    }
    if (const json::Value* role = claimAt(claims, names.role)) {
        if (!role->is(json::Type::String) || !validName(role->text, limits::kMaxName) ||
            trim(role->text).size() != role->text.size()) {
            return refuseToken("the role's claim is no role");
        }
        identity->role = role->text;
    }
    if (const json::Value* name = claimAt(claims, names.name)) {
        const std::string_view trimmed = trim(name->text);
        if (!name->is(json::Type::String) || !validName(trimmed, limits::kMaxName)) {
            return refuseToken("the name's claim is no name");
        }
        identity->name = trimmed;
    }
    if (const json::Value* session = claimAt(claims, names.session)) {
        if (!takeId(*session, &identity->session) || !validId(identity->session)) {
            return refuseToken("the session's claim is no id");
        }
    }
    return {};
}

}  // namespace

size_t mostBytes(Algorithm algorithm) {
    return isSession(algorithm) ? 16 * 1024 : 8 * 1024;
}

Status refuseToken(const char* detail) {
    return {Code::Unauthenticated, detail};
}

Result<json::Value> parseTokenObject(std::string_view text) {
    json::Bounds bounds;
    bounds.bytes = mostBytes(Algorithm::AuthJs5);
    Result<json::Value> value = json::parse(text, bounds);
    if (!value.ok() || !value->is(json::Type::Object)) {
        return refuseToken("header or payload is no strict JSON object");
    }
    return value;
}

bool validClaimName(std::string_view name) {
    if (!validId(name)) {
        return false;
    }
    if (isWhole(name)) {
        return true;
    }
    const auto steps = 1 + std::count(name.begin(), name.end(), '.');
    return name.front() != '.' && name.back() != '.' &&
           name.find("..") == std::string_view::npos &&
           steps <= static_cast<ptrdiff_t>(limits::kJsonDepth);
}

Status checkTimes(const TokenKey& key, const Verified& verified, uint64_t now) {
    if (verified.claims.expires + key.leeway <= now) {
        return refuseToken("expired");
    }
    if (verified.notBefore > now + key.leeway) {
        return refuseToken("not valid yet");
    }
    return {};
}

Result<Verified> takeClaims(const TokenKey& key, const json::Value& claims,
                            uint64_t now) {
    Verified verified;
    if (Status status = takeTimes(claims, &verified); !status.ok()) {
        return status;
    }
    if (Status status = checkTimes(key, verified, now); !status.ok()) {
        return status;
    }
    if (Status status = checkIssuerAndAudience(key, claims); !status.ok()) {
        return status;
    }
    Status status = takeIdentity(key.claims, claims, &verified.claims);
    return status.ok() ? Result<Verified>(std::move(verified)) : status;
}

}  // namespace messaging::core
