// JSON Web Tokens (RFC 7519), checked by cjose, the OpenID Connect people's JOSE
// library, and by OpenSSL where cjose knows no such signature (EdDSA). Pure: no nginx,
// no clock, no files. The key's configuration fixes the algorithm, never the token;
// whatever cjose would take laxly is refused before cjose sees it.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "schema/status.hpp"

namespace messaging::core {

enum class Algorithm { HS256, RS256, ES256, EdDSA };

// One configured key, and what a token signed by it must say.
struct TokenKey {
    Algorithm algorithm = Algorithm::HS256;
    // cjose_jwk_t, for EdDSA EVP_PKEY; released with the last copy.
    std::shared_ptr<const void> key;
    std::string cookie;    // also taken from this cookie; empty: header only
    std::string issuer;    // empty: any
    std::string audience;  // empty: any
    unsigned leeway = 0;   // seconds, at most 60
};

// A key from a file's content: a raw secret of at least 32 bytes (HS256; one trailing
// newline is not part of it), a PEM public key or certificate (RS256 of at least 2048
// bits, ES256 on P-256, EdDSA on Ed25519). InvalidField with a detail for the
// configuration's error line.
Result<TokenKey> makeKey(Algorithm algorithm, std::string_view content);

// What a token says, once its signature and times hold.
struct Claims {
    std::string user;  // sub; an integer in its decimal form
    std::string role;
    std::string name;
    uint64_t expires = 0;  // exp, Unix seconds; a token without one is refused
};

// Unauthenticated with a detail for the log (which never holds the token).
Result<Claims> verify(const TokenKey& key, std::string_view token, uint64_t now);

// Tokens that were verified lately, so that a badge that polls does not cost a
// signature check each time. Keyed by the whole token and all that it was checked
// against; bounded, least recently used goes first; times are checked again at each
// use.
class TokenCache {
public:
    explicit TokenCache(size_t capacity) : capacity_(capacity) {}
    Result<Claims> verify(const TokenKey& key, std::string_view token, uint64_t now);
    size_t size() const { return entries_.size(); }

private:
    struct Entry {
        std::string name;                 // what it was checked against, and the token
        std::shared_ptr<const void> key;  // held: its address is a part of the name
        Claims claims;
        uint64_t notBefore = 0;
    };

    size_t capacity_;
    std::list<Entry> entries_;  // most recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;
};

}  // namespace messaging::core
