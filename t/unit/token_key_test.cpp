// Tests for tokens signed by key pairs, and for what is taken as a key.
#include <openssl/x509.h>

#include <memory>
#include <utility>

#include "ngx_module/core/token.hpp"
#include "t/unit/token_forge.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

std::string certificatePem(EVP_PKEY* key) {
    const std::unique_ptr<X509, Free<X509_free>> certificate(X509_new());
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key);
    const bool edwards = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    X509_sign(certificate.get(), key, edwards ? nullptr : EVP_sha256());
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(size)};
}

START_TEST(checksRsa) {
    const Pkey pair(EVP_RSA_gen(2048));
    const auto key = core::makeKey(Algorithm::RS256, publicPem(pair.get()));
    ck_assert_msg(key.ok(), "%s", key.status().detail().c_str());
    const std::string part = signedPart(R"({"alg":"RS256"})");
    const std::string signature = signBy(pair.get(), part);
    accepted(key.value(), part + '.' + base64url(signature), "RS256");
    const auto fromCertificate =
        core::makeKey(Algorithm::RS256, certificatePem(pair.get()));
    ck_assert(fromCertificate.ok());
    accepted(fromCertificate.value(), part + '.' + base64url(signature), "certificate");

    std::string flipped = signature;
    flipped[100] = static_cast<char>(flipped[100] ^ 4);
    const Pkey other(EVP_RSA_gen(2048));
    const std::string confused = signedPart(R"({"alg":"HS256"})");
    const std::pair<const char*, std::string> kBad[] = {
        {"flipped", part + '.' + base64url(flipped)},
        {"short", part + '.' + base64url(signature.substr(1))},
        {"long", part + '.' + base64url('\0' + signature)},
        {"empty", part + '.'},
        {"zeros", part + '.' + base64url(std::string(256, '\0'))},
        {"ones", part + '.' + base64url(std::string(256, '\xFF'))},
        {"another's", part + '.' + base64url(signBy(other.get(), part))},
        {"HMAC by the public key",
         confused + '.' + base64url(hmac(publicPem(pair.get()), confused))},
        {"HMAC under RS256", part + '.' + base64url(hmac(publicPem(pair.get()), part))},
        {"PS256", signedPart(R"({"alg":"PS256"})") + '.' + base64url(signature)},
        {"RS512", signedPart(R"({"alg":"RS512"})") + '.' + base64url(signature)},
    };
    for (const auto& [what, token] : kBad) {
        refused(key.value(), token, what);
    }
}

START_TEST(checksEc) {
    const Pkey pair(EVP_EC_gen("P-256"));
    const auto key = core::makeKey(Algorithm::ES256, publicPem(pair.get()));
    ck_assert_msg(key.ok(), "%s", key.status().detail().c_str());
    const std::string part = signedPart(R"({"alg":"ES256"})");
    for (int i = 0; i < 300;
         ++i) {  // R or S with leading zeros come in about one of 128
        const std::string raw = rawSignature(signBy(pair.get(), part));
        accepted(key.value(), part + '.' + base64url(raw), "ES256");
    }
    const std::string der = signBy(pair.get(), part);
    const std::string raw = rawSignature(der);
    std::string flipped = raw;
    flipped[40] = static_cast<char>(flipped[40] ^ 4);
    const Pkey other(EVP_EC_gen("P-256"));
    const std::pair<const char*, std::string> kBad[] = {
        {"DER", part + '.' + base64url(der)},
        {"flipped", part + '.' + base64url(flipped)},
        {"zeros", part + '.' + base64url(std::string(64, '\0'))},
        {"ones", part + '.' + base64url(std::string(64, '\xFF'))},
        {"R = 0", part + '.' + base64url(std::string(32, '\0') + raw.substr(32))},
        {"swapped", part + '.' + base64url(raw.substr(32) + raw.substr(0, 32))},
        {"63 bytes", part + '.' + base64url(raw.substr(0, 63))},
        {"wider R and S",
         part + '.' + base64url('\0' + raw.substr(0, 32) + '\0' + raw.substr(32))},
        {"another's", part + '.' + base64url(rawSignature(signBy(other.get(), part)))},
        {"HMAC by the public key",
         forge(R"({"alg":"HS256"})", kPayload, publicPem(pair.get()))},
    };
    for (const auto& [what, token] : kBad) {
        refused(key.value(), token, what);
    }
    ck_assert(core::makeKey(Algorithm::ES256, certificatePem(pair.get())).ok());
}

START_TEST(checksEdwards) {
    const Pkey pair(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const auto key = core::makeKey(Algorithm::EdDSA, publicPem(pair.get()));
    ck_assert_msg(key.ok(), "%s", key.status().detail().c_str());
    const std::string part = signedPart(R"({"alg":"EdDSA"})");
    const std::string signature = signBy(pair.get(), part);
    accepted(key.value(), part + '.' + base64url(signature), "EdDSA");

    std::string flipped = signature;
    flipped[40] = static_cast<char>(flipped[40] ^ 4);
    std::string wide = signature;  // S plus the group's order, or far past it
    wide[63] = static_cast<char>(wide[63] | '\xF0');
    const Pkey other(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const Pkey goldilocks(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"));
    const std::string zeros(32, '\0');
    const std::pair<const char*, std::string> kBad[] = {
        {"flipped", part + '.' + base64url(flipped)},
        {"S not reduced", part + '.' + base64url(wide)},
        {"zeros", part + '.' + base64url(zeros + zeros)},
        {"R = 0", part + '.' + base64url(zeros + signature.substr(32))},
        {"S = 0", part + '.' + base64url(signature.substr(0, 32) + zeros)},
        {"63 bytes", part + '.' + base64url(signature.substr(0, 63))},
        {"65 bytes", part + '.' + base64url(signature + '\0')},
        {"another's", part + '.' + base64url(signBy(other.get(), part))},
        {"on Ed448", part + '.' + base64url(signBy(goldilocks.get(), part))},
        {"alg Ed25519",
         signedPart(R"({"alg":"Ed25519"})") + '.' + base64url(signature)},
        {"another payload", base64url(R"({"alg":"EdDSA"})") + '.' +
                                base64url(R"({"sub":"u2","exp":1700000100})") + '.' +
                                base64url(signature)},
        {"HMAC by the public key",
         forge(R"({"alg":"HS256"})", kPayload, publicPem(pair.get()))},
    };
    for (const auto& [what, token] : kBad) {
        refused(key.value(), token, what);
    }
    ck_assert(core::makeKey(Algorithm::EdDSA, certificatePem(pair.get())).ok());
}

// A public key of these bytes.
std::string edwardsPem(std::string bytes) {
    bytes.resize(32, bytes.back());
    const Pkey key(EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(bytes.data()),
        bytes.size()));
    return publicPem(key.get());
}

void keyRefused(Algorithm algorithm, const std::string& content, const char* word) {
    const auto key = core::makeKey(algorithm, content);
    ck_assert_msg(!key.ok(), "accepted where %s was expected", word);
    ck_assert(key.status().code() == Code::InvalidField);
    EXPECT_FOR(key.status().detail().find(word) != std::string::npos,
               key.status().detail());
    ck_assert(ERR_peek_error() == 0);
}

START_TEST(refusesKeys) {
    const Pkey rsa(EVP_RSA_gen(2048));
    const Pkey small(EVP_RSA_gen(1024));
    const Pkey ec(EVP_EC_gen("P-256"));
    const Pkey wide(EVP_EC_gen("P-384"));
    const Pkey edwards(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const std::string secret(kSecret);
    keyRefused(Algorithm::HS256, "", "32 bytes");
    keyRefused(Algorithm::HS256, secret.substr(1), "32 bytes");
    keyRefused(Algorithm::HS256, secret.substr(1) + '\n', "32 bytes");
    keyRefused(Algorithm::HS256, publicPem(rsa.get()), "RS256");
    keyRefused(Algorithm::HS256, privatePem(rsa.get()), "PEM");
    keyRefused(Algorithm::RS256, "", "no PEM");
    keyRefused(Algorithm::RS256, secret, "no PEM");
    keyRefused(Algorithm::RS256, privatePem(rsa.get()), "private key");
    keyRefused(Algorithm::ES256, privatePem(ec.get()), "private key");
    keyRefused(Algorithm::RS256, publicPem(small.get()), "1024");
    keyRefused(Algorithm::RS256, publicPem(ec.get()), "RSA");
    keyRefused(Algorithm::ES256, publicPem(rsa.get()), "EC");
    keyRefused(Algorithm::ES256, publicPem(wide.get()), "P-256");
    keyRefused(Algorithm::ES256, publicPem(edwards.get()), "EC");
    keyRefused(Algorithm::RS256, publicPem(edwards.get()), "RSA");
    const Pkey goldilocks(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"));
    const Pkey exchange(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
    keyRefused(Algorithm::EdDSA, publicPem(goldilocks.get()), "Ed25519");
    keyRefused(Algorithm::EdDSA, publicPem(exchange.get()), "X25519");
    keyRefused(Algorithm::EdDSA, publicPem(rsa.get()), "Ed25519");
    keyRefused(Algorithm::EdDSA, publicPem(ec.get()), "Ed25519");
    keyRefused(Algorithm::EdDSA, privatePem(edwards.get()), "private key");
    keyRefused(Algorithm::EdDSA, secret, "no PEM");
    keyRefused(Algorithm::EdDSA, edwardsPem(std::string(2, '\0')), "any signature");
    keyRefused(Algorithm::EdDSA, edwardsPem(std::string("\x01\0", 2)), "any signature");
    keyRefused(Algorithm::EdDSA, edwardsPem("\xEC\xFF"), "any signature");
    keyRefused(Algorithm::RS256, publicPem(rsa.get()).substr(0, 200), "no public key");
    keyRefused(Algorithm::RS256, "-----BEGIN PUBLIC KEY-----\n!\n", "no public key");
    keyRefused(Algorithm::RS256, "-----BEGIN CERTIFICATE-----\n!\n", "no public key");
    keyRefused(Algorithm::HS256, repeat("x", 70000), "64 KiB");
}

START_TEST(takesOneNewlineOff) {
    for (const char* end : {"\n", "\r\n", ""}) {
        const auto key = core::makeKey(Algorithm::HS256, std::string(kSecret) + end);
        ck_assert(key.ok());
        accepted(key.value(), withPayload(kPayload), "newline");
    }
    const auto two = core::makeKey(Algorithm::HS256, std::string(kSecret) + "\n\n");
    refused(two.value(), withPayload(kPayload), "two newlines");
}

}  // namespace

Suite* token_keySuite() {
    return suiteOf("token keys", {checksRsa, checksEc, checksEdwards, refusesKeys,
                                  takesOneNewlineOff});
}

}  // namespace messaging::unit
