// Keys for tokens, from what an operator's file holds. OpenSSL reads PEM, cjose gets
// the bare numbers: its own reader takes JSON Web Keys only. Mistakes here are made
// once and found by `nginx -t`, so every refusal says what to do instead.
#include <cjose/cjose.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "ngx_module/core/token.hpp"
#include "ngx_module/core/token_errors.hpp"

namespace messaging::core {
namespace {

constexpr size_t kLeastSecret = 32;
constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 16384;  // OpenSSL checks no longer ones
constexpr size_t kMostContent = 64 * 1024;

template <auto Function>
struct Free {
    template <typename T>
    void operator()(T* object) const {
        Function(object);
    }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Bytes = std::vector<uint8_t>;

Status refuse(std::string detail) {
    return {Code::InvalidField, std::move(detail)};
}

Result<TokenKey> owned(Algorithm algorithm, cjose_jwk_t* jwk) {
    if (jwk == nullptr) {
        return refuse("the JOSE library does not take this key");
    }
    TokenKey key;
    key.algorithm = algorithm;
    key.key = std::shared_ptr<const void>(
        jwk, [jwk](const void*) { cjose_jwk_release(jwk); });
    return key;
}

bool holds(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

Result<TokenKey> secretKey(std::string_view content) {
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
    if (content.size() < kLeastSecret) {
        return refuse(
            "an HS256 secret has at least 32 bytes; `openssl rand -hex 32` makes "
            "a good one");
    }
    const auto* bytes = reinterpret_cast<const uint8_t*>(content.data());
    return owned(Algorithm::HS256,
                 cjose_jwk_create_oct_spec(bytes, content.size(), nullptr));
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
Bytes part(const EVP_PKEY* key, const char* name, int width = 0) {
    BIGNUM* found = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &found) != 1) {
        return {};
    }
    const Number number(found);
    Bytes bytes(static_cast<size_t>(std::max(width, BN_num_bytes(found))));
    if (BN_bn2binpad(found, bytes.data(), static_cast<int>(bytes.size())) < 0) {
        return {};
    }
    return bytes;
}

Result<TokenKey> rsaKey(const EVP_PKEY* key) {
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        return refuse("RS256 takes an RSA key, and this is none");
    }
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < kLeastRsaBits || bits > kMostRsaBits) {
        return refuse("this RSA key has " + std::to_string(bits) +
                      " bits; RS256 takes 2048 to 16384");
    }
    Bytes modulus = part(key, OSSL_PKEY_PARAM_RSA_N);
    Bytes exponent = part(key, OSSL_PKEY_PARAM_RSA_E);
    // With the exponent 1 every message would be its own signature.
    if (modulus.empty() || exponent.empty() || exponent.back() % 2 == 0 ||
        (exponent.size() == 1 && exponent[0] < 3)) {
        return refuse("this RSA key has no usable exponent");
    }
    cjose_jwk_rsa_keyspec spec = {};
    spec.n = modulus.data();
    spec.nlen = modulus.size();
    spec.e = exponent.data();
    spec.elen = exponent.size();
    return owned(Algorithm::RS256, cjose_jwk_create_RSA_spec(&spec, nullptr));
}

Result<TokenKey> ecKey(const EVP_PKEY* key) {
    char group[64] = "";
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1) {
        return refuse("ES256 takes an EC key, and this is none");
    }
    if (std::string_view(group) != SN_X9_62_prime256v1) {
        return refuse("ES256 takes a key on P-256, and this one is on " +
                      std::string(group));
    }
    constexpr int kWidth = 32;
    Bytes x = part(key, OSSL_PKEY_PARAM_EC_PUB_X, kWidth);
    Bytes y = part(key, OSSL_PKEY_PARAM_EC_PUB_Y, kWidth);
    cjose_jwk_ec_keyspec spec = {};
    spec.crv = CJOSE_JWK_EC_P_256;
    spec.x = x.data();
    spec.xlen = x.size();
    spec.y = y.data();
    spec.ylen = y.size();
    return owned(Algorithm::ES256, cjose_jwk_create_EC_spec(&spec, nullptr));
}

// Of a point of small order, which no honest key is: anything could be its signature.
bool isSmallOrder(const EVP_PKEY* key) {
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
    size_t size = kSize;
    if (EVP_PKEY_get_raw_public_key(key, point, &size) != 1 || size != kSize) {
        return true;
    }
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

Result<TokenKey> edwardsKey(Pkey key) {
    if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
        const char* type = EVP_PKEY_get0_type_name(key.get());
        return refuse("EdDSA takes a key on Ed25519, and this one is " +
                      std::string(type != nullptr ? type : "another"));
    }
    if (isSmallOrder(key.get())) {
        return refuse("this Ed25519 key fits any signature: it is no honest one");
    }
    TokenKey made;
    made.algorithm = Algorithm::EdDSA;
    EVP_PKEY* raw = key.release();
    made.key =
        std::shared_ptr<const void>(raw, [raw](const void*) { EVP_PKEY_free(raw); });
    return made;
}

}  // namespace

Result<TokenKey> makeKey(Algorithm algorithm, std::string_view content) {
    const CleanErrors clean;
    if (content.size() > kMostContent) {
        return refuse("a key of more than 64 KiB is none");
    }
    if (algorithm == Algorithm::HS256) {
        return secretKey(content);
    }
    if (holds(content, "PRIVATE KEY-----")) {
        return refuse(
            "this is a private key: nginx needs the public one only; "
            "`openssl pkey -pubout` gives it");
    }
    if (!holds(content, "-----BEGIN")) {
        return refuse("this is no PEM public key or certificate");
    }
    Pkey key = readPublicKey(content);
    if (!key) {
        return refuse(
            "this PEM holds no public key or certificate that OpenSSL can read");
    }
    if (algorithm == Algorithm::EdDSA) {
        return edwardsKey(std::move(key));
    }
    return algorithm == Algorithm::RS256 ? rsaKey(key.get()) : ecKey(key.get());
}

}  // namespace messaging::core
