// Tokens by hand, good and forged, for the tests of tokens and of their keys.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>
#include <string_view>

#include "ngx_module/core/token.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {

using core::Algorithm;
using core::TokenKey;

constexpr uint64_t kNow = 1700000000;
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";
constexpr std::string_view kPayload =
    R"({"sub":"u1","role":"buyer","name":"Ann","exp":1700000100})";

inline std::string base64url(std::string_view bytes) {
    constexpr char kLetters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    uint32_t bits = 0;
    int count = 0;
    for (const char byte : bytes) {
        bits = bits << 8 | static_cast<unsigned char>(byte);
        for (count += 8; count >= 6; count -= 6) {
            text += kLetters[bits >> (count - 6) & 0x3F];
        }
    }
    if (count > 0) {
        text += kLetters[bits << (6 - count) & 0x3F];
    }
    return text;
}

inline std::string hmac(std::string_view secret, std::string_view text) {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &size);
    return {reinterpret_cast<char*>(out), size};
}

// Header and payload as they are, then signed.
inline std::string sealed(const std::string& signedPart,
                          std::string_view secret = kSecret) {
    return signedPart + '.' + base64url(hmac(secret, signedPart));
}

inline std::string forge(std::string_view header, std::string_view payload,
                         std::string_view secret = kSecret) {
    return sealed(base64url(header) + '.' + base64url(payload), secret);
}

inline std::string withPayload(std::string_view payload) {
    return forge(kHeader, payload);
}
inline std::string withHeader(std::string_view header) {
    return forge(header, kPayload);
}

// A payload of the good claims and these.
inline std::string withClaims(const std::string& more) {
    return withPayload(R"({"sub":"u1","exp":1700000100,)" + more + "}");
}

inline TokenKey secretKey() {
    auto key = core::makeKey(Algorithm::HS256, kSecret);
    ck_assert(key.ok());
    return key.value();
}

inline std::string signedPart(std::string_view header) {
    return base64url(header) + '.' + base64url(kPayload);
}

inline void refused(const TokenKey& key, const std::string& token, const char* what,
                    uint64_t now = kNow) {
    const auto claims = core::verify(key, token, now);
    ck_assert_msg(!claims.ok(), "accepted: %s", what);
    ck_assert(claims.status().code() == Code::Unauthenticated);
    ck_assert_msg(claims.status().detail().find("u1") == std::string::npos &&
                      !claims.status().detail().empty(),
                  "detail of: %s", what);
    ck_assert_msg(ERR_peek_error() == 0, "OpenSSL's queue is not empty: %s", what);
}

inline void accepted(const TokenKey& key, const std::string& token, const char* what,
                     uint64_t now = kNow) {
    const auto claims = core::verify(key, token, now);
    ck_assert_msg(claims.ok(), "refused: %s: %s", what,
                  claims.status().detail().c_str());
    ck_assert_msg(ERR_peek_error() == 0, "OpenSSL's queue is not empty: %s", what);
}

}  // namespace messaging::unit
