// A signed token goes through four gates: its bytes, its header, its signature, its
// claims (token_claims.cpp). What comes later may lean on what came before, cjose above
// all: given other base64url than the strict one it aborts or reads on, and given a
// signature of another length it compares past its end.
#include "ngx_module/core/token.hpp"

#include <cjose/cjose.h>
#include <openssl/evp.h>

#include <algorithm>

#include "ngx_module/core/token_parts.hpp"
#include "schema/json.hpp"

namespace messaging::core {
namespace {

using Jws = std::unique_ptr<cjose_jws_t, Free<cjose_jws_release>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

// --- Bytes

struct Parts {
    std::string_view signedPart;  // header and payload with the dot between
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
};

Result<Parts> split(std::string_view token) {
    const size_t first = token.find('.');
    const size_t second =
        first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos) {
        return refuseToken("not three parts");
    }
    const Parts parts{token.substr(0, second), token.substr(0, first),
                      token.substr(first + 1, second - first - 1),
                      token.substr(second + 1)};
    if (!strictBase64url(parts.header) || !strictBase64url(parts.payload) ||
        !strictBase64url(parts.signature)) {
        return refuseToken("not three parts of strict base64url");
    }
    return parts;
}

// --- Header

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

// The one that a set's token names, or the only one there is.
Result<const NamedKey*> choose(const KeySet& set, const json::Value* id) {
    if (!set.byId || (id == nullptr && set.keys.size() == 1)) {
        return &set.keys.front();
    }
    if (id == nullptr) {
        return refuseToken("no kid, and several keys would fit");
    }
    const auto key =
        std::find_if(set.keys.begin(), set.keys.end(), [id](const NamedKey& one) {
            return id->is(json::Type::String) && !one.id.empty() && one.id == id->text;
        });
    return key != set.keys.end() ? Result<const NamedKey*>(&*key)
                                 : refuseToken("kid names no key that is configured");
}

// Keys that a header brings (jwk, jku, x5c, x5u) mean nothing; kid only chooses among
// the configured ones.
Result<const NamedKey*> checkHeader(const TokenKey& key, std::string_view encoded) {
    const Result<json::Value> header = parseTokenObject(decoded(encoded));
    if (!header.ok()) {
        return header.status();
    }
    const json::Value* algorithm = header.value().find("alg");
    if (algorithm == nullptr || !algorithm->is(json::Type::String) ||
        algorithm->text != algorithmName(key.algorithm)) {
        return refuseToken("alg is not the configured one");
    }
    if (header.value().find("crit") != nullptr) {
        return refuseToken("crit names what nobody here understands");
    }
    const json::Value* type = header.value().find("typ");
    if (type != nullptr && !isAccessToken(*type)) {
        return refuseToken("typ is neither JWT nor at+jwt");
    }
    return choose(*key.keys, header.value().find("kid"));
}

// --- Signature

// Bytes of a signature by this key.
size_t signatureSize(Algorithm algorithm, const void* key) {
    switch (algorithm) {
        case Algorithm::HS256:
            return 32;
        case Algorithm::ES256:
        case Algorithm::EdDSA:
            return 64;
        case Algorithm::RS256:
            return cjose_jwk_get_keysize(static_cast<const cjose_jwk_t*>(key),
                                         nullptr) /
                   8;
        default:
            break;
    }
    return 0;
}

// cjose 0.6 has no EdDSA (RFC 8037): the one signature that is OpenSSL's to check,
// which refuses an S that is not reduced.
bool verifiesEdwards(const void* key, const Parts& parts) {
    const Digest context(EVP_MD_CTX_new());
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

Status checkSignature(Algorithm algorithm, const void* key, std::string_view token,
                      const Parts& parts) {
    const size_t size = signatureSize(algorithm, key);
    if (size == 0 || decodedSize(parts.signature) != size) {
        return refuseToken("the signature has another length than the key's");
    }
    const bool good = algorithm == Algorithm::EdDSA ? verifiesEdwards(key, parts)
                                                    : verifiesJose(key, token);
    return good ? Status() : refuseToken("the signature is not the key's");
}

// The payload of a token that its key signed.
Result<std::string> openSigned(const TokenKey& key, std::string_view token) {
    const Result<Parts> parts = split(token);
    if (!parts.ok()) {
        return parts.status();
    }
    const Result<const NamedKey*> chosen = checkHeader(key, parts.value().header);
    if (!chosen.ok()) {
        return chosen.status();
    }
    Status status = checkSignature(key.algorithm, chosen.value()->handle.get(), token,
                                   parts.value());
    return status.ok() ? Result<std::string>(decoded(parts.value().payload)) : status;
}

}  // namespace

Result<Verified> verifyAll(const TokenKey& key, std::string_view token, uint64_t now) {
    const CleanErrors clean;
    if (token.size() > mostBytes(key.algorithm)) {
        return refuseToken("longer than any honest one");
    }
    if (!key.keys) {
        return refuseToken("no key");
    }
    const Result<std::string> payload =
        isSession(key.algorithm) ? openSession(key.algorithm, *key.keys, token)
                                 : openSigned(key, token);
    if (!payload.ok()) {
        return payload.status();
    }
    const Result<json::Value> claims = parseTokenObject(payload.value());
    if (!claims.ok()) {
        return claims.status();
    }
    return takeClaims(key, claims.value(), now);
}

Result<Claims> verify(const TokenKey& key, std::string_view token, uint64_t now) {
    Result<Verified> verified = verifyAll(key, token, now);
    if (!verified.ok()) {
        return verified.status();
    }
    return std::move(verified->claims);
}

}  // namespace messaging::core
