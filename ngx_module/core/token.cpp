// A token goes through four gates: its bytes, its header, its signature, its claims.
// What comes later may lean on what came before, cjose above all: given other base64url
// than the strict one it aborts or reads on, and given a signature of another length it
// compares past its end.
#include "ngx_module/core/token.hpp"

#include <cjose/cjose.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "ngx_module/core/token_errors.hpp"
#include "schema/json.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging::core {
namespace {

constexpr size_t kMaxToken = 8 * 1024;

struct ReleaseJws {
    void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
};
using Jws = std::unique_ptr<cjose_jws_t, ReleaseJws>;

struct FreeBytes {
    void operator()(uint8_t* bytes) const { cjose_get_dealloc()(bytes); }
};
using Bytes = std::unique_ptr<uint8_t, FreeBytes>;

struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

struct Verified {
    Claims claims;
    uint64_t notBefore = 0;
};

Status refuse(const char* detail) {
    return {Code::Unauthenticated, detail};
}

// --- Bytes

// 0 to 63, or -1.
int base64urlValue(char letter) {
    if (letter >= 'A' && letter <= 'Z') {
        return letter - 'A';
    }
    if (letter >= 'a' && letter <= 'z') {
        return letter - 'a' + 26;
    }
    if (letter >= '0' && letter <= '9') {
        return letter - '0' + 52;
    }
    return letter == '-' ? 62 : letter == '_' ? 63 : -1;
}

// Base64url with nothing else in it, and no spare bit set in the last letter: no two
// texts stand for the same bytes.
bool strictBase64url(std::string_view text) {
    if (text.empty() || text.size() % 4 == 1) {
        return false;
    }
    const bool letters = std::all_of(text.begin(), text.end(), [](char letter) {
        return base64urlValue(letter) >= 0;
    });
    const int spare = text.size() % 4 == 2 ? 0xF : text.size() % 4 == 3 ? 0x3 : 0;
    return letters && (base64urlValue(text.back()) & spare) == 0;
}

size_t decodedSize(std::string_view text) {
    return text.size() * 3 / 4;
}

// Of what strictBase64url let pass; empty: no memory.
std::string decoded(std::string_view text) {
    uint8_t* bytes = nullptr;
    size_t size = 0;
    if (!cjose_base64url_decode(text.data(), text.size(), &bytes, &size, nullptr)) {
        return {};
    }
    const Bytes owned(bytes);
    return {reinterpret_cast<const char*>(bytes), size};
}

struct Parts {
    std::string_view signedPart;  // header and payload with the dot between
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
};

Result<Parts> split(std::string_view token) {
    if (token.size() > kMaxToken) {
        return refuse("longer than 8 KiB");
    }
    const size_t first = token.find('.');
    const size_t second =
        first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos) {
        return refuse("not three parts");
    }
    const Parts parts{token.substr(0, second), token.substr(0, first),
                      token.substr(first + 1, second - first - 1),
                      token.substr(second + 1)};
    if (!strictBase64url(parts.header) || !strictBase64url(parts.payload) ||
        !strictBase64url(parts.signature)) {
        return refuse("not three parts of strict base64url");
    }
    return parts;
}

// --- Header

const char* algorithmName(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::HS256:
            return CJOSE_HDR_ALG_HS256;
        case Algorithm::RS256:
            return CJOSE_HDR_ALG_RS256;
        case Algorithm::ES256:
            return CJOSE_HDR_ALG_ES256;
        case Algorithm::EdDSA:
            return "EdDSA";
    }
    return "";
}

// Tokens for another purpose (a logout, a proof of possession) may be signed by the
// same key.
bool isAccessToken(const json::Value& type) {
    std::string lower = type.text;
    for (char& letter : lower) {
        letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a')
                                                : letter;
    }
    if (lower.rfind("application/", 0) == 0) {
        lower.erase(0, std::string_view("application/").size());
    }
    return type.is(json::Type::String) && (lower == "jwt" || lower == "at+jwt");
}

Result<json::Value> parseObject(std::string_view text) {
    json::Bounds bounds;
    bounds.bytes = kMaxToken;
    Result<json::Value> value = json::parse(text, bounds);
    if (!value.ok() || !value->is(json::Type::Object)) {
        return refuse("header or payload is no strict JSON object");
    }
    return value;
}

// Keys that a header names or brings (kid, jwk, jku, x5c, x5u) mean nothing: there is
// the configured one.
Status checkHeader(const TokenKey& key, std::string_view encoded) {
    const Result<json::Value> header = parseObject(decoded(encoded));
    if (!header.ok()) {
        return header.status();
    }
    const json::Value* algorithm = header.value().find("alg");
    if (algorithm == nullptr || !algorithm->is(json::Type::String) ||
        algorithm->text != algorithmName(key.algorithm)) {
        return refuse("alg is not the configured one");
    }
    if (header.value().find("crit") != nullptr) {
        return refuse("crit names what nobody here understands");
    }
    const json::Value* type = header.value().find("typ");
    if (type != nullptr && !isAccessToken(*type)) {
        return refuse("typ is neither JWT nor at+jwt");
    }
    return {};
}

// --- Signature

// Bytes of a signature by this key.
size_t signatureSize(const TokenKey& key) {
    switch (key.algorithm) {
        case Algorithm::HS256:
            return 32;
        case Algorithm::ES256:
        case Algorithm::EdDSA:
            return 64;
        case Algorithm::RS256: {
            const auto* jwk = static_cast<const cjose_jwk_t*>(key.key.get());
            return cjose_jwk_get_keysize(jwk, nullptr) / 8;
        }
    }
    return 0;
}

// cjose 0.6 has no EdDSA (RFC 8037): the one signature that is OpenSSL's to check,
// which refuses an S that is not reduced.
bool verifiesEdwards(const void* key, const Parts& parts) {
    const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
    // OpenSSL counts references in the key and else leaves it alone.
    auto* own = static_cast<EVP_PKEY*>(const_cast<void*>(key));
    const std::string signature = decoded(parts.signature);
    const auto* bytes = reinterpret_cast<const uint8_t*>(signature.data());
    const auto* text = reinterpret_cast<const uint8_t*>(parts.signedPart.data());
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, own) == 1 &&
           EVP_DigestVerify(context.get(), bytes, signature.size(), text,
                            parts.signedPart.size()) == 1;
}

// cjose compares an HMAC in constant time.
bool verifiesJose(const void* key, std::string_view token) {
    const Jws jws(cjose_jws_import(token.data(), token.size(), nullptr));
    return jws &&
           cjose_jws_verify(jws.get(), static_cast<const cjose_jwk_t*>(key), nullptr);
}

Status checkSignature(const TokenKey& key, std::string_view token, const Parts& parts) {
    if (!key.key || decodedSize(parts.signature) != signatureSize(key)) {
        return refuse("the signature has another length than the key's");
    }
    const bool good = key.algorithm == Algorithm::EdDSA
                          ? verifiesEdwards(key.key.get(), parts)
                          : verifiesJose(key.key.get(), token);
    return good ? Status() : refuse("the signature is not the key's");
}

// --- Claims

// A claim that counts as absent when it is null.
const json::Value* claim(const json::Value& claims, std::string_view name) {
    const json::Value* value = claims.find(name);
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
        return refuse("exp is absent or no date");
    }
    // Fractions are rounded against the token.
    verified->claims.expires = static_cast<uint64_t>(std::floor(seconds));
    if (const json::Value* notBefore = claims.find("nbf")) {
        if (!numericDate(*notBefore, &seconds)) {
            return refuse("nbf is no date");
        }
        verified->notBefore = static_cast<uint64_t>(std::ceil(seconds));
    }
    const json::Value* issued = claims.find("iat");
    if (issued != nullptr && !numericDate(*issued, &seconds)) {
        return refuse("iat is no date");
    }
    return {};
}

Status checkTimes(const TokenKey& key, const Verified& verified, uint64_t now) {
    if (verified.claims.expires + key.leeway <= now) {
        return refuse("expired");
    }
    if (verified.notBefore > now + key.leeway) {
        return refuse("not valid yet");
    }
    return {};
}

bool isText(const json::Value* value, std::string_view wanted) {
    return value != nullptr && value->is(json::Type::String) && value->text == wanted;
}

Status checkIssuerAndAudience(const TokenKey& key, const json::Value& claims) {
    if (!key.issuer.empty() && !isText(claims.find("iss"), key.issuer)) {
        return refuse("iss is not the configured one");
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
    return refuse("aud does not name the configured one");
}

Status takeIdentity(const json::Value& claims, Claims* identity) {
    const json::Value* subject = claims.find("sub");
    uint64_t number = 0;
    if (subject != nullptr && subject->is(json::Type::String)) {
        identity->user = subject->text;
    } else if (subject != nullptr && subject->unsignedInteger(&number)) {
        identity->user = std::to_string(number);
    }
    if (!validUser(identity->user)) {
        return refuse("sub is absent or no id");
    }
    if (const json::Value* role = claim(claims, "role")) {
        if (!role->is(json::Type::String) || !validName(role->text, limits::kMaxName) ||
            trim(role->text).size() != role->text.size()) {
            return refuse("role is no role");
        }
        identity->role = role->text;
    }
    if (const json::Value* name = claim(claims, "name")) {
        const std::string_view trimmed = trim(name->text);
        if (!name->is(json::Type::String) || !validName(trimmed, limits::kMaxName)) {
            return refuse("name is no name");
        }
        identity->name = trimmed;
    }
    return {};
}

Result<Verified> verifyAll(const TokenKey& key, std::string_view token, uint64_t now) {
    const CleanErrors clean;
    const Result<Parts> parts = split(token);
    if (!parts.ok()) {
        return parts.status();
    }
    if (Status status = checkHeader(key, parts.value().header); !status.ok()) {
        return status;
    }
    if (Status status = checkSignature(key, token, parts.value()); !status.ok()) {
        return status;
    }
    const Result<json::Value> claims = parseObject(decoded(parts.value().payload));
    if (!claims.ok()) {
        return claims.status();
    }
    Verified verified;
    if (Status status = takeTimes(claims.value(), &verified); !status.ok()) {
        return status;
    }
    if (Status status = checkTimes(key, verified, now); !status.ok()) {
        return status;
    }
    if (Status status = checkIssuerAndAudience(key, claims.value()); !status.ok()) {
        return status;
    }
    if (Status status = takeIdentity(claims.value(), &verified.claims); !status.ok()) {
        return status;
    }
    return verified;
}

void appendPart(std::string* name, std::string_view part) {
    name->append(std::to_string(part.size())).append(":").append(part);
}

// Leeway is not a part of it: times are checked at each use.
std::string cacheName(const TokenKey& key, std::string_view token) {
    const auto address = reinterpret_cast<uintptr_t>(key.key.get());
    std::string name = std::to_string(address) + ' ' +
                       std::to_string(static_cast<int>(key.algorithm)) + ' ';
    appendPart(&name, key.issuer);
    appendPart(&name, key.audience);
    return name.append(token);
}

}  // namespace

Result<Claims> verify(const TokenKey& key, std::string_view token, uint64_t now) {
    Result<Verified> verified = verifyAll(key, token, now);
    if (!verified.ok()) {
        return verified.status();
    }
    return std::move(verified->claims);
}

Result<Claims> TokenCache::verify(const TokenKey& key, std::string_view token,
                                  uint64_t now) {
    if (token.size() > kMaxToken) {
        return refuse("longer than 8 KiB");
    }
    std::string name = cacheName(key, token);
    const auto known = index_.find(name);
    if (known != index_.end()) {
        const auto entry = known->second;
        Status status = checkTimes(key, {entry->claims, entry->notBefore}, now);
        if (!status.ok()) {
            index_.erase(known);
            entries_.erase(entry);
            return status;
        }
        entries_.splice(entries_.begin(), entries_, entry);
        return entry->claims;
    }
    Result<Verified> verified = verifyAll(key, token, now);
    if (!verified.ok()) {
        return verified.status();
    }
    if (capacity_ == 0) {
        return std::move(verified->claims);
    }
    if (entries_.size() >= capacity_) {
        index_.erase(entries_.back().name);
        entries_.pop_back();
    }
    entries_.push_front(
        {std::move(name), key.key, verified->claims, verified->notBefore});
    index_.emplace(entries_.front().name, entries_.begin());
    return std::move(verified->claims);
}

}  // namespace messaging::core
