// Tokens by hand, good and forged, for the tests of tokens and of their keys.
#pragma once

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
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

template <auto Function>
struct Free {
    template <typename T>
    void operator()(T* object) const {
        Function(object);
    }
};
using Pkey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

inline std::string publicPem(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PUBKEY(bio.get(), key);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(size)};
}

inline std::string privatePem(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(size)};
}

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

// As OpenSSL makes it: DER for EC.
inline std::string signBy(EVP_PKEY* key, std::string_view text) {
    const Digest digest(EVP_MD_CTX_new());
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    size_t size = 0;
    const int type = EVP_PKEY_get_base_id(key);
    const bool own = type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448;
    EVP_DigestSignInit(digest.get(), nullptr, own ? nullptr : EVP_sha256(), nullptr,
                       key);
    EVP_DigestSign(digest.get(), nullptr, &size, bytes, text.size());
    std::string out(size, '\0');
    EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                   bytes, text.size());
    out.resize(size);
    return out;
}

// R and S side by side, as tokens have them.
inline std::string rawSignature(const std::string& der) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    const Signature signature(
        d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size())));
    std::string raw(64, '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + 32, 32);
    return raw;
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
