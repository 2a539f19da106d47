// What the files of tokens share with one another and with nobody else: keys as they
// are held, strict base64url, and the gate of the claims.
#pragma once

#include <openssl/err.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ngx_module/core/token.hpp"
#include "schema/json.hpp"
#include "schema/status.hpp"

namespace messaging::core {

// nginx takes what stands in OpenSSL's queue for its own TLS errors.
struct CleanErrors {
    ~CleanErrors() { ERR_clear_error(); }
};

// A unique_ptr's deleter of one of OpenSSL's functions.
template <auto Function>
struct Free {
    template <typename T>
    void operator()(T* object) const {
        Function(object);
    }
};

// --- Keys

// cjose_jwk_t, for EdDSA EVP_PKEY; released with the last copy.
using KeyHandle = std::shared_ptr<const void>;

struct NamedKey {
    std::string id;  // kid; empty: none
    KeyHandle handle;
};

// What is derived from one secret of a site: for NextAuth 4 the first 32 bytes are the
// key; for Auth.js 5 they are the MAC's, the others the cipher's.
using SessionKey = std::array<uint8_t, 64>;

struct KeySet {
    bool byId = false;  // a JWKS: the token's kid chooses
    std::vector<NamedKey> keys;
    std::vector<SessionKey> sessions;  // where isSession(), and nothing else
};

// From the bare numbers, big-endian, and bytes. InvalidField with a detail.
Result<KeyHandle> secretHandle(std::string_view secret);
Result<KeyHandle> rsaHandle(std::string modulus, std::string exponent);
Result<KeyHandle> p256Handle(std::string x, std::string y);
Result<KeyHandle> ed25519Handle(std::string_view point);

// The keys of a JSON Web Key Set that are for this algorithm, at least one.
Result<std::shared_ptr<const KeySet>> readKeySet(Algorithm algorithm,
                                                 std::string_view json);

// As `alg` says it.
std::string_view algorithmName(Algorithm algorithm);

// --- Bytes

// Base64url with nothing else in it, and no spare bit set in the last letter: no two
// texts stand for the same bytes.
bool strictBase64url(std::string_view text);

size_t decodedSize(std::string_view base64url);

// Of what strictBase64url let pass; empty: no memory.
std::string decoded(std::string_view base64url);

// --- A token's JSON

// Of all its bytes: a session is chunked over cookies and may be longer than a token
// that comes in one header.
size_t mostBytes(Algorithm algorithm);

Status refuseToken(const char* detail);
Result<json::Value> parseTokenObject(std::string_view text);

// The decrypted payload of a session cookie.
Result<std::string> openSession(Algorithm algorithm, const KeySet& keys,
                                std::string_view token);

struct Verified {
    Claims claims;
    uint64_t notBefore = 0;
};

Status checkTimes(const TokenKey& key, const Verified& verified, uint64_t now);
Result<Verified> takeClaims(const TokenKey& key, const json::Value& claims,
                            uint64_t now);

// All gates, from the bytes to the claims.
Result<Verified> verifyAll(const TokenKey& key, std::string_view token, uint64_t now);

}  // namespace messaging::core
