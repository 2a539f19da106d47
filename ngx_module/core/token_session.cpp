// The session cookies of NextAuth 4 and Auth.js 5: a JWE (RFC 7516) of the direct kind,
// whose key is derived from the site's secret. OpenSSL does all of it: there is one
// form of each, so no library has to choose, and every length is checked before.
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstring>

#include "ngx_module/core/token_parts.hpp"
#include "schema/json.hpp"

namespace messaging::core {
namespace {

constexpr size_t kLeastSecret = 32;
constexpr size_t kMostSecrets = 8;
constexpr size_t kGcmKey = 32;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;
using Kdf = std::unique_ptr<EVP_KDF, Free<EVP_KDF_free>>;
using Derivation = std::unique_ptr<EVP_KDF_CTX, Free<EVP_KDF_CTX_free>>;

const uint8_t* bytes(std::string_view text) {
    return reinterpret_cast<const uint8_t*>(text.data());
}

int length(std::string_view text) {
    return static_cast<int>(text.size());
}

// --- Keys

OSSL_PARAM octets(const char* name, std::string_view value) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(value.data()),
                                             value.size());
}

// HKDF with SHA-256 (RFC 5869).
bool derive(std::string_view secret, std::string_view salt, std::string_view info,
            uint8_t* out, size_t size) {
    const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
    const Derivation context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        octets(OSSL_KDF_PARAM_KEY, secret), octets(OSSL_KDF_PARAM_SALT, salt),
        octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
    return context && EVP_KDF_derive(context.get(), out, size, parameters) == 1;
}

bool deriveFor(Algorithm algorithm, std::string_view secret, std::string_view cookie,
               SessionKey* key) {
    if (algorithm == Algorithm::NextAuth4) {
        // Its salt is empty, which is to HKDF as many zeros as a hash has bytes;
        // OpenSSL takes no empty one.
        return derive(secret, std::string(32, '\0'),
                      "NextAuth.js Generated Encryption Key", key->data(), kGcmKey);
    }
    const std::string info =
        "Auth.js Generated Encryption Key (" + std::string(cookie) + ')';
    return derive(secret, cookie, info, key->data(), key->size());
}

Status refuseFile(const char* detail) {
    return {Code::InvalidField, detail};
}

Status addSecret(Algorithm algorithm, std::string_view secret, std::string_view cookie,
                 KeySet* set) {
    if (secret.size() < kLeastSecret) {
        return refuseFile(
            "a secret has at least 32 bytes, one a line: who has a cookie could guess "
            "a shorter one; `openssl rand -base64 32` makes a good one");
    }
    if (set->sessions.size() == kMostSecrets) {
        return refuseFile("more than 8 secrets: each is tried with every cookie");
    }
    SessionKey key = {};
    if (!deriveFor(algorithm, secret, cookie, &key)) {
        return refuseFile("OpenSSL derives no key from this secret");
    }
    set->sessions.push_back(key);
    return {};
}

// --- A cookie's parts

struct Sealed {
    std::string_view header;
    std::string iv;
    std::string text;
    std::string tag;
};

// Five parts, of which the second, a key's, is empty.
Result<Sealed> split(std::string_view token) {
    std::string_view parts[5];
    for (size_t i = 0; i < 5; ++i) {
        const size_t dot = token.find('.');
        if ((dot == token.npos) != (i == 4)) {
            return refuseToken("the session has not five parts");
        }
        parts[i] = token.substr(0, dot);
        token.remove_prefix(i == 4 ? token.size() : dot + 1);
    }
    if (!parts[1].empty() || !strictBase64url(parts[0]) || !strictBase64url(parts[2]) ||
        !strictBase64url(parts[3]) || !strictBase64url(parts[4])) {
        return refuseToken("the session has parts that are no strict base64url");
    }
    return Sealed{parts[0], decoded(parts[2]), decoded(parts[3]), decoded(parts[4])};
}

// --- A256GCM

bool fitsGcm(const Sealed& sealed) {
    return sealed.iv.size() == 12 && sealed.tag.size() == 16 && !sealed.text.empty();
}

// False if the tag, which OpenSSL compares in constant time, is not the key's.
bool openGcm(const SessionKey& key, Sealed& sealed, std::string* out) {
    const Cipher context(EVP_CIPHER_CTX_new());
    out->resize(sealed.text.size());
    auto* plain = reinterpret_cast<uint8_t*>(out->data());
    int size = 0;
    return context &&
           EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(),
                              bytes(sealed.iv)) == 1 &&
           EVP_DecryptUpdate(context.get(), nullptr, &size, bytes(sealed.header),
                             length(sealed.header)) == 1 &&
           EVP_DecryptUpdate(context.get(), plain, &size, bytes(sealed.text),
                             length(sealed.text)) == 1 &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG,
                               static_cast<int>(sealed.tag.size()),
                               sealed.tag.data()) == 1 &&
           EVP_DecryptFinal_ex(context.get(), plain + size, &size) == 1;
}

// --- A256CBC-HS512 (RFC 7518, 5.2)

constexpr size_t kMacKey = 32;
constexpr size_t kTag = 32;

bool fitsCbc(const Sealed& sealed) {
    return sealed.iv.size() == 16 && sealed.tag.size() == kTag &&
           !sealed.text.empty() && sealed.text.size() % 16 == 0;
}

bool isTagOf(const SessionKey& key, const Sealed& sealed) {
    std::string covered(sealed.header);
    covered += sealed.iv;
    covered += sealed.text;
    const uint64_t bits = sealed.header.size() * 8;
    for (int shift = 56; shift >= 0; shift -= 8) {
        covered += static_cast<char>(bits >> shift & 0xFF);
    }
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return HMAC(EVP_sha512(), key.data(), kMacKey, bytes(covered), covered.size(), mac,
                &size) != nullptr &&
           size >= kTag && CRYPTO_memcmp(mac, sealed.tag.data(), kTag) == 0;
}

// The tag first: what a wrong padding would tell is told to nobody else.
bool openCbc(const SessionKey& key, const Sealed& sealed, std::string* out) {
    const Cipher context(EVP_CIPHER_CTX_new());
    if (!context || !isTagOf(key, sealed)) {
        return false;
    }
    out->resize(sealed.text.size() + EVP_MAX_BLOCK_LENGTH);
    auto* plain = reinterpret_cast<uint8_t*>(out->data());
    int size = 0;
    int last = 0;
    if (EVP_DecryptInit_ex(context.get(), EVP_aes_256_cbc(), nullptr,
                           key.data() + kMacKey, bytes(sealed.iv)) != 1 ||
        EVP_DecryptUpdate(context.get(), plain, &size, bytes(sealed.text),
                          length(sealed.text)) != 1 ||
        EVP_DecryptFinal_ex(context.get(), plain + size, &last) != 1) {
        return false;
    }
    out->resize(static_cast<size_t>(size) + static_cast<size_t>(last));
    return true;
}

// --- Header

bool isText(const json::Value* value, std::string_view wanted) {
    return value != nullptr && value->is(json::Type::String) && value->text == wanted;
}

// kid is not asked: all secrets are tried, and there are few.
Status checkHeader(Algorithm algorithm, std::string_view encoded) {
    const Result<json::Value> header = parseTokenObject(decoded(encoded));
    if (!header.ok()) {
        return header.status();
    }
    if (!isText(header.value().find("alg"), "dir") ||
        header.value().find("crit") != nullptr ||
        header.value().find("zip") != nullptr) {
        return refuseToken("the session is not of the kind that NextAuth makes");
    }
    const bool four = algorithm == Algorithm::NextAuth4;
    if (!isText(header.value().find("enc"), four ? "A256GCM" : "A256CBC-HS512")) {
        return refuseToken("enc is not that of the configured version");
    }
    return {};
}

}  // namespace

Result<TokenKey> makeSessionKey(Algorithm algorithm, std::string_view secrets,
                                std::string_view cookie) {
    const CleanErrors clean;
    if (!isSession(algorithm)) {
        return refuseFile("secrets of a session are for no such algorithm");
    }
    auto set = std::make_shared<KeySet>();
    while (!secrets.empty()) {
        const size_t end = std::min(secrets.find('\n'), secrets.size());
        std::string_view line = secrets.substr(0, end);
        secrets.remove_prefix(std::min(end + 1, secrets.size()));
        if (!line.empty() && line.back() == '\r') {
            line.remove_suffix(1);
        }
        if (line.empty()) {
            continue;
        }
        if (Status status = addSecret(algorithm, line, cookie, set.get());
            !status.ok()) {
            return status;
        }
    }
    if (set->sessions.empty()) {
        return refuseFile("this file holds no secret");
    }
    TokenKey key;
    key.algorithm = algorithm;
    key.keys = std::move(set);
    key.cookie = cookie;
    return key;
}

bool isOpaqueSession(std::string_view token) {
    return token.find('.') == token.npos;
}

Result<std::string> openSession(Algorithm algorithm, const KeySet& keys,
                                std::string_view token) {
    if (isOpaqueSession(token)) {
        return refuseToken("the session is opaque");
    }
    Result<Sealed> sealed = split(token);
    if (!sealed.ok()) {
        return sealed.status();
    }
    if (Status status = checkHeader(algorithm, sealed->header); !status.ok()) {
        return status;
    }
    const bool four = algorithm == Algorithm::NextAuth4;
    if (four ? !fitsGcm(sealed.value()) : !fitsCbc(sealed.value())) {
        return refuseToken("the session has parts of another length");
    }
    std::string plain;
    for (const SessionKey& key : keys.sessions) {
        if (four ? openGcm(key, sealed.value(), &plain)
                 : openCbc(key, sealed.value(), &plain)) {
            return plain;
        }
    }
    return refuseToken("the session was not made with any configured secret");
}

}  // namespace messaging::core
