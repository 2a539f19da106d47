// Keys for tokens, from what an operator's file holds. OpenSSL reads PEM,
// token_jwks.cpp key sets, cjose gets the bare numbers. Mistakes here are made once and
// found by `nginx -t`, so every refusal says what to do instead.
#include <cjose/cjose.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "ngx_module/core/token_parts.hpp"

namespace messaging::core {
namespace {

constexpr size_t kLeastSecret = 32;
constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 16384;  // OpenSSL checks no longer ones
constexpr size_t kCoordinate = 32;   // of a point of P-256 or Ed25519, in bytes
constexpr size_t kMostContent = 64 * 1024;

using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;

Status refuse(std::string detail) {
    return {Code::InvalidField, std::move(detail)};
}

Result<KeyHandle> owned(cjose_jwk_t* jwk) {
    if (jwk == nullptr) {
        return refuse("the JOSE library does not take this key");
    }
    return KeyHandle(jwk, [jwk](const void*) { cjose_jwk_release(jwk); });
}

uint8_t* bytes(std::string& text) {
    return reinterpret_cast<uint8_t*>(text.data());
}

bool holds(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

Result<KeyHandle> fileSecret(std::string_view content) {
    if (holds(content, "-----BEGIN")) {
        return refuse(
            "HS256 takes a secret, and this looks like a PEM key: whoever knows a "
            "public key could sign with it; did you mean RS256, ES256 or EdDSA?");
    }
    if (!content.empty() && content.back() == '\n') {
        content.remove_suffix(1);
        if (!content.empty() && content.back() == '\r') {
            content.remove_suffix(1);
        }
    }
    return secretHandle(content);
}

// Never asks for a passphrase on nginx's terminal.
int noPassphrase(char*, int, int, void*) {
    return -1;
}

Pkey readPublicKey(std::string_view pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!bio) {
        return nullptr;
    }
    if (holds(pem, "-----BEGIN CERTIFICATE")) {
        const Certificate certificate(
            PEM_read_bio_X509(bio.get(), nullptr, noPassphrase, nullptr));
        return Pkey(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
    }
    return Pkey(PEM_read_bio_PUBKEY(bio.get(), nullptr, noPassphrase, nullptr));
}

// A part of the key, big-endian, of at least `width` bytes; empty if the key has none.
std::string part(const EVP_PKEY* key, const char* name, int width = 0) {
    BIGNUM* found = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &found) != 1) {
        return {};
    }
    const Number number(found);
    std::string out(static_cast<size_t>(std::max(width, BN_num_bytes(found))), '\0');
    if (BN_bn2binpad(found, bytes(out), static_cast<int>(out.size())) < 0) {
        return {};
    }
    return out;
}

Result<KeyHandle> pemRsa(const EVP_PKEY* key) {
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        return refuse("RS256 takes an RSA key, and this is none");
    }
    return rsaHandle(part(key, OSSL_PKEY_PARAM_RSA_N),
                     part(key, OSSL_PKEY_PARAM_RSA_E));
}

Result<KeyHandle> pemEc(const EVP_PKEY* key) {
    char group[64] = "";
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1) {
        return refuse("ES256 takes an EC key, and this is none");
    }
    if (std::string_view(group) != SN_X9_62_prime256v1) {
        return refuse("ES256 takes a key on P-256, and this one is on " +
                      std::string(group));
    }
    return p256Handle(part(key, OSSL_PKEY_PARAM_EC_PUB_X, kCoordinate),
                      part(key, OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinate));
}

Result<KeyHandle> pemEdwards(const EVP_PKEY* key) {
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        const char* type = EVP_PKEY_get0_type_name(key);
        return refuse("EdDSA takes a key on Ed25519, and this one is " +
                      std::string(type != nullptr ? type : "another"));
    }
    std::string point(kCoordinate, '\0');
    size_t size = point.size();
    if (EVP_PKEY_get_raw_public_key(key, bytes(point), &size) != 1) {
        return refuse("OpenSSL does not give this key's point");
    }
    return ed25519Handle(point);
}

// Of a point of small order, which no honest key is: anything could be its signature.
bool isSmallOrder(std::string_view encoded) {
    constexpr size_t kSize = 32;
    // The two y coordinates of edwards25519's points of order 8.
    constexpr uint8_t kEight[2][kSize] = {
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
         0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
         0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
         0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
         0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}};
    uint8_t point[kSize] = {};
    std::copy_n(encoded.begin(), std::min(kSize, encoded.size()), point);
    point[kSize - 1] &= 0x7F;
    const auto all = [&point](uint8_t value) {
        return std::all_of(point + 1, point + kSize - 1,
                           [value](uint8_t byte) { return byte == value; });
    };
    const bool tiny = all(0) && point[kSize - 1] == 0 && point[0] <= 1;
    const bool high = all(0xFF) && point[kSize - 1] == 0x7F && point[0] >= 0xEC;
    return tiny || high ||
           std::any_of(kEight, kEight + 2, [&point](const uint8_t(&other)[kSize]) {
               return std::equal(other, other + kSize, point);
           });
}

Result<KeyHandle> fileKey(Algorithm algorithm, std::string_view content) {
    if (algorithm == Algorithm::HS256) {
        return fileSecret(content);
    }
    if (holds(content, "PRIVATE KEY-----")) {
        return refuse(
            "this is a private key: nginx needs the public one only; "
            "`openssl pkey -pubout` gives it");
    }
    if (!holds(content, "-----BEGIN")) {
        return refuse("this is no PEM public key, certificate or JSON Web Key Set");
    }
    const Pkey key = readPublicKey(content);
    if (!key) {
        return refuse(
            "this PEM holds no public key or certificate that OpenSSL can read");
    }
    return algorithm == Algorithm::RS256   ? pemRsa(key.get())
           : algorithm == Algorithm::ES256 ? pemEc(key.get())
                                           : pemEdwards(key.get());
}

// A set begins as JSON does. So might a raw secret, but none that anybody should have.
bool isJson(std::string_view content) {
    const size_t first = content.find_first_not_of(" \t\r\n");
    return first != content.npos && content[first] == '{';
}

}  // namespace

std::string_view algorithmName(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::HS256:
            return CJOSE_HDR_ALG_HS256;
        case Algorithm::RS256:
            return CJOSE_HDR_ALG_RS256;
        case Algorithm::ES256:
            return CJOSE_HDR_ALG_ES256;
        case Algorithm::EdDSA:
            return "EdDSA";
        default:
            break;
    }
    return "dir";
}

Result<KeyHandle> secretHandle(std::string_view secret) {
    if (secret.size() < kLeastSecret) {
        return refuse(
            "an HS256 secret has at least 32 bytes; `openssl rand -hex 32` makes "
            "a good one");
    }
    return owned(cjose_jwk_create_oct_spec(
        reinterpret_cast<const uint8_t*>(secret.data()), secret.size(), nullptr));
}

Result<KeyHandle> rsaHandle(std::string modulus, std::string exponent) {
    modulus.erase(0, modulus.find_first_not_of('\0'));
    exponent.erase(0, exponent.find_first_not_of('\0'));
    const Number number(
        BN_bin2bn(bytes(modulus), static_cast<int>(modulus.size()), nullptr));
    const int bits = number ? BN_num_bits(number.get()) : 0;
    if (bits < kLeastRsaBits || bits > kMostRsaBits) {
        return refuse("this RSA key has " + std::to_string(bits) +
                      " bits; RS256 takes 2048 to 16384");
    }
    // With the exponent 1 every message would be its own signature.
    if (exponent.empty() || exponent.back() % 2 == 0 ||
        (exponent.size() == 1 && static_cast<uint8_t>(exponent[0]) < 3)) {
        return refuse("this RSA key has no usable exponent");
    }
    cjose_jwk_rsa_keyspec spec = {};
    spec.n = bytes(modulus);
    spec.nlen = modulus.size();
    spec.e = bytes(exponent);
    spec.elen = exponent.size();
    return owned(cjose_jwk_create_RSA_spec(&spec, nullptr));
}

Result<KeyHandle> p256Handle(std::string x, std::string y) {
    if (x.size() != kCoordinate || y.size() != kCoordinate) {
        return refuse("a point of P-256 has two coordinates of 32 bytes");
    }
    cjose_jwk_ec_keyspec spec = {};
    spec.crv = CJOSE_JWK_EC_P_256;
    spec.x = bytes(x);
    spec.xlen = x.size();
    spec.y = bytes(y);
    spec.ylen = y.size();
    return owned(cjose_jwk_create_EC_spec(&spec, nullptr));
}

Result<KeyHandle> ed25519Handle(std::string_view point) {
    if (point.size() != kCoordinate) {
        return refuse("a point of Ed25519 has 32 bytes");
    }
    if (isSmallOrder(point)) {
        return refuse("this Ed25519 key fits any signature: it is no honest one");
    }
    EVP_PKEY* key = EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nullptr, reinterpret_cast<const uint8_t*>(point.data()),
        point.size());
    if (key == nullptr) {
        return refuse("OpenSSL does not take this key");
    }
    return KeyHandle(key, [key](const void*) { EVP_PKEY_free(key); });
}

Result<TokenKey> makeKey(Algorithm algorithm, std::string_view content) {
    const CleanErrors clean;
    if (content.size() > kMostContent) {
        return refuse("a key of more than 64 KiB is none");
    }
    TokenKey made;
    made.algorithm = algorithm;
    if (isJson(content)) {
        auto set = readKeySet(algorithm, content);
        if (!set.ok()) {
            return set.status();
        }
        made.keys = std::move(set.value());
        return made;
    }
    auto handle = fileKey(algorithm, content);
    if (!handle.ok()) {
        return handle.status();
    }
    auto set = std::make_shared<KeySet>();
    set->keys.push_back({{}, std::move(handle.value())});
    made.keys = std::move(set);
    return made;
}

}  // namespace messaging::core
