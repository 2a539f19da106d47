// JSON Web Tokens (RFC 7519), checked by cjose, the OpenID Connect people's JOSE
// library, and by OpenSSL where cjose knows no such signature (EdDSA); and the
// encrypted session cookies of NextAuth and Auth.js. Pure: no nginx, no clock, no
// files. The key's configuration fixes the algorithm, never the token; whatever cjose
// would take laxly is refused before cjose sees it.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "schema/status.hpp"

namespace messaging::core {

// The last two are session cookies that were encrypted: by NextAuth 4 with A256GCM, by
// Auth.js 5 with A256CBC-HS512.
enum class Algorithm { HS256, RS256, ES256, EdDSA, NextAuth4, AuthJs5 };

inline bool isSession(Algorithm algorithm) {
    return algorithm == Algorithm::NextAuth4 || algorithm == Algorithm::AuthJs5;
}

// Where a token says who it is for: a claim's name, or the way to a nested one with
// dots between (user.role). A name with a ":" or "/" in it is taken whole
// (https://shop.example/role).
struct ClaimNames {
    std::string user = "sub";
    std::string role = "role";
    std::string name = "name";
    std::string session = "sid";
};

// Whether a configuration may name a claim so.
bool validClaimName(std::string_view name);

struct KeySet;  // token_parts.hpp

// One configured key, or a set of which a token's kid names one, and what a token of
// it must say.
struct TokenKey {
    Algorithm algorithm = Algorithm::HS256;
    std::shared_ptr<const KeySet> keys;
    std::string cookie;    // also taken from this cookie; empty: header only
    bool overTls = true;   // false: that cookie counts on a plain connection only
    std::string issuer;    // empty: any
    std::string audience;  // empty: any
    unsigned leeway = 0;   // seconds, at most 60
    ClaimNames claims;
};

// A key from a file's content: a raw secret of at least 32 bytes (HS256; one trailing
// newline is not part of it), a PEM public key or certificate (RS256 of at least 2048
// bits, ES256 on P-256, EdDSA on Ed25519), or a JSON Web Key Set (RFC 7517), of which
// the keys for this algorithm are taken. InvalidField with a detail for the
// configuration's error line.
Result<TokenKey> makeKey(Algorithm algorithm, std::string_view content);

// The keys for session cookies of this name from a file's secrets, one a line: of at
// least 32 bytes, at most 8, the current one first. InvalidField likewise.
Result<TokenKey> makeSessionKey(Algorithm algorithm, std::string_view secrets,
                                std::string_view cookie);

// A session cookie that holds nothing but the key of a row in the site's database.
bool isOpaqueSession(std::string_view token);

// What a token says, once its signature and times hold.
struct Claims {
    std::string user;  // an integer in its decimal form
    std::string role;
    std::string name;
    std::string session;   // which sign-in of the user's this is; empty: not said
    uint64_t issued = 0;   // iat, Unix seconds; 0: not said
    uint64_t expires = 0;  // exp, Unix seconds; a token without one is refused
};

// Unauthenticated with a detail for the log (which never holds the token).
Result<Claims> verify(const TokenKey& key, std::string_view token, uint64_t now);

// Tokens that were verified lately, so that a badge that polls does not cost a
// signature check each time. Keyed by a digest of the whole token and all that it was
// checked against, so that no token is kept; bounded, least recently used goes first;
// times are checked again at each use.
class TokenCache {
public:
    explicit TokenCache(size_t capacity) : capacity_(capacity) {}
    Result<Claims> verify(const TokenKey& key, std::string_view token, uint64_t now);
    size_t size() const { return entries_.size(); }

private:
    struct Entry {
        std::string name;
        std::shared_ptr<const KeySet> keys;  // held: its address is a part of the name
        Claims claims;
        uint64_t notBefore = 0;
    };

    size_t capacity_;
    std::list<Entry> entries_;  // most recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;
};

}  // namespace messaging::core
