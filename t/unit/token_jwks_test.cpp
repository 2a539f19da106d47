// Tests for JSON Web Key Sets: which key a token gets, and which sets are refused.
#include <openssl/core_names.h>

#include <utility>

#include "ngx_module/core/token.hpp"
#include "t/unit/token_forge.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

// A number of the key, in base64url.
std::string number(EVP_PKEY* key, const char* name, size_t width) {
    BIGNUM* found = nullptr;
    ck_assert(EVP_PKEY_get_bn_param(key, name, &found) == 1);
    const size_t size = width != 0 ? width : static_cast<size_t>(BN_num_bytes(found));
    std::string out(size, '\0');
    BN_bn2binpad(found, reinterpret_cast<unsigned char*>(out.data()),
                 static_cast<int>(size));
    BN_free(found);
    return base64url(out);
}

std::string rsaJwk(EVP_PKEY* key, const std::string& more = "") {
    return R"({"kty":"RSA","n":")" + number(key, OSSL_PKEY_PARAM_RSA_N, 0) +
           R"(","e":")" + number(key, OSSL_PKEY_PARAM_RSA_E, 0) + '"' + more + '}';
}

std::string ecJwk(EVP_PKEY* key, const std::string& more = "") {
    return R"({"kty":"EC","crv":"P-256","x":")" +
           number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32) + R"(","y":")" +
           number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32) + '"' + more + '}';
}

std::string edwardsJwk(EVP_PKEY* key, const std::string& more = "") {
    std::string point(32, '\0');
    size_t size = point.size();
    EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(point.data()),
                                &size);
    return R"({"kty":"OKP","crv":"Ed25519","x":")" + base64url(point) + '"' + more +
           '}';
}

std::string secretJwk(std::string_view secret, const std::string& more = "") {
    return R"({"kty":"oct","k":")" + base64url(secret) + '"' + more + '}';
}

std::string setOf(std::initializer_list<std::string> keys) {
    std::string text = "\n {\"keys\":[";
    for (const std::string& key : keys) {
        text += (text.back() == '[' ? "" : ",") + key;
    }
    return text + "]}\n";
}

TokenKey keyOf(Algorithm algorithm, const std::string& set) {
    auto key = core::makeKey(algorithm, set);
    ck_assert_msg(key.ok(), "%s", key.status().detail().c_str());
    return key.value();
}

std::string tokenOf(EVP_PKEY* key, const std::string& header) {
    const std::string part = signedPart(header);
    const std::string signature = signBy(key, part);
    const bool ec = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC;
    return part + '.' + base64url(ec ? rawSignature(signature) : signature);
}

START_TEST(choosesByKid) {
    const Pkey one(EVP_EC_gen("P-256"));
    const Pkey two(EVP_EC_gen("P-256"));
    const Pkey nameless(EVP_EC_gen("P-256"));
    const TokenKey key = keyOf(Algorithm::ES256,
                               setOf({ecJwk(one.get(), R"(,"kid":"one","use":"sig")"),
                                      ecJwk(two.get(), R"(,"kid":"two","alg":"ES256")"),
                                      ecJwk(nameless.get())}));
    accepted(key, tokenOf(one.get(), R"({"alg":"ES256","kid":"one"})"), "one");
    accepted(key, tokenOf(two.get(), R"({"kid":"two","alg":"ES256"})"), "two");
    const std::pair<const char*, std::string> kBad[] = {
        {"another's kid", tokenOf(one.get(), R"({"alg":"ES256","kid":"two"})")},
        {"a foreign kid", tokenOf(one.get(), R"({"alg":"ES256","kid":"three"})")},
        {"case", tokenOf(one.get(), R"({"alg":"ES256","kid":"One"})")},
        {"no kid", tokenOf(one.get(), R"({"alg":"ES256"})")},
        {"an empty kid", tokenOf(nameless.get(), R"({"alg":"ES256","kid":""})")},
        {"no kid for a key without", tokenOf(nameless.get(), R"({"alg":"ES256"})")},
        {"null", tokenOf(one.get(), R"({"alg":"ES256","kid":null})")},
        {"a number", tokenOf(one.get(), R"({"alg":"ES256","kid":1})")},
        {"a list", tokenOf(one.get(), R"({"alg":"ES256","kid":["one"]})")},
        {"twice", tokenOf(one.get(), R"({"alg":"ES256","kid":"two","kid":"one"})")},
        {"a longer one", tokenOf(one.get(), R"({"alg":"ES256","kid":"one\u0000"})")},
    };
    for (const auto& [what, token] : kBad) {
        refused(key, token, what);
    }
}

START_TEST(takesTheOnlyOneWithoutKid) {
    const Pkey ec(EVP_EC_gen("P-256"));
    const Pkey rsa(EVP_RSA_gen(2048));
    const Pkey edwards(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const std::string set =
        setOf({rsaJwk(rsa.get(), R"(,"kid":"r","key_ops":["verify"])"),
               rsaJwk(rsa.get(), R"(,"kid":"other use","use":"enc")"),
               rsaJwk(rsa.get(), R"(,"kid":"other alg","alg":"RS512")"),
               rsaJwk(rsa.get(), R"(,"kid":"other op","key_ops":["encrypt"])"),
               R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA","kid":"e"})",
               R"({"kty":"OKP","crv":"X25519","x":"AA"})", R"({"kty":"future"})",
               ecJwk(ec.get(), R"(,"kid":"e")"), edwardsJwk(edwards.get()),
               secretJwk(kSecret, R"(,"kid":"s")")});
    const std::pair<Algorithm, std::string> kGood[] = {
        {Algorithm::RS256, tokenOf(rsa.get(), R"({"alg":"RS256"})")},
        {Algorithm::RS256, tokenOf(rsa.get(), R"({"alg":"RS256","kid":"r"})")},
        {Algorithm::ES256, tokenOf(ec.get(), R"({"alg":"ES256"})")},
        {Algorithm::EdDSA, tokenOf(edwards.get(), R"({"alg":"EdDSA"})")},
        {Algorithm::HS256, withHeader(R"({"alg":"HS256","kid":"s"})")},
    };
    for (const auto& [algorithm, token] : kGood) {
        accepted(keyOf(algorithm, set), token, token.c_str());
    }
    refused(keyOf(Algorithm::RS256, set),
            tokenOf(rsa.get(), R"({"alg":"RS256","kid":"other use"})"), "another use");
    refused(keyOf(Algorithm::ES256, set), kGood[0].second, "RS256 for ES256");
    // A public key is nobody's secret, even beside one.
    refused(keyOf(Algorithm::HS256, set),
            forge(R"({"alg":"HS256","kid":"r"})", kPayload, publicPem(rsa.get())),
            "HMAC by a public key of the set");
}

START_TEST(refusesSets) {
    const Pkey rsa(EVP_RSA_gen(2048));
    const Pkey weak(EVP_RSA_gen(1024));
    const Pkey ec(EVP_EC_gen("P-256"));
    const Pkey edwards(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const std::string zeros = base64url(std::string(32, '\0'));
    const std::string ones = base64url(std::string(32, '\x01'));
    const struct {
        Algorithm algorithm;
        std::string set;
        const char* word;
    } kBad[] = {
        {Algorithm::ES256, "{", "strict JSON"},
        {Algorithm::ES256, R"({"keys":[]} x)", "strict JSON"},
        {Algorithm::ES256, R"({"keys":[],"keys":[]})", "duplicate"},
        {Algorithm::ES256, "{}", "no key set"},
        {Algorithm::ES256, R"({"keys":{}})", "no key set"},
        {Algorithm::ES256, ecJwk(ec.get()), "no key set"},
        {Algorithm::ES256, R"({"keys":[]})", "0 keys is for ES256"},
        {Algorithm::ES256, R"({"keys":["x"]})", "key 1 of the set: it has no kty"},
        {Algorithm::ES256, R"({"keys":[{"kty":1}]})", "no kty"},
        {Algorithm::ES256, setOf({rsaJwk(rsa.get())}), "kty EC, crv P-256"},
        {Algorithm::RS256, setOf({ecJwk(ec.get())}), "kty RSA"},
        {Algorithm::EdDSA, setOf({ecJwk(ec.get())}), "crv Ed25519"},
        {Algorithm::HS256, setOf({ecJwk(ec.get())}), "kty oct"},
        {Algorithm::ES256, R"({"keys":[{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}]})",
         "P-256"},
        {Algorithm::ES256, setOf({ecJwk(ec.get(), R"(,"d":"AA")")}), "private"},
        {Algorithm::ES256, setOf({ecJwk(ec.get()), rsaJwk(rsa.get(), R"(,"d":"AA")")}),
         "key 2 of the set: it is a private key"},
        {Algorithm::ES256,
         setOf({ecJwk(ec.get(), R"(,"kid":"a")"), ecJwk(ec.get(), R"(,"kid":"a")")}),
         "kid"},
        {Algorithm::ES256, setOf({ecJwk(ec.get(), R"(,"kid":"")")}), "kid"},
        {Algorithm::ES256, setOf({ecJwk(ec.get(), R"(,"kid":7)")}), "kid"},
        {Algorithm::ES256,
         setOf({ecJwk(ec.get(), R"(,"kid":")" + repeat("k", 257) + '"')}), "kid"},
        {Algorithm::ES256, setOf({R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"}),
         "32 bytes"},
        {Algorithm::ES256, setOf({R"({"kty":"EC","crv":"P-256"})"}), "32 bytes"},
        {Algorithm::ES256,
         setOf({R"({"kty":"EC","crv":"P-256","x":")" + ones + R"(","y":")" + ones +
                "\"}"}),
         "does not take"},
        {Algorithm::RS256, setOf({rsaJwk(weak.get())}), "1024 bits"},
        {Algorithm::RS256, setOf({R"({"kty":"RSA","n":"AA","e":"AQAB"})"}), "0 bits"},
        {Algorithm::RS256, setOf({R"({"kty":"RSA","e":"AQAB"})"}), "0 bits"},
        {Algorithm::RS256,
         setOf({R"({"kty":"RSA","e":"AQ","n":")" +
                number(rsa.get(), OSSL_PKEY_PARAM_RSA_N, 0) + "\"}"}),
         "exponent"},
        {Algorithm::EdDSA, setOf({R"({"kty":"OKP","crv":"Ed25519","x":"AA"})"}),
         "32 bytes"},
        {Algorithm::EdDSA,
         setOf({R"({"kty":"OKP","crv":"Ed25519","x":")" + zeros + "\"}"}),
         "any signature"},
        {Algorithm::EdDSA,
         setOf({R"({"kty":"OKP","crv":"Ed25519","x":")" + ones + "=\"}"}), "32 bytes"},
        {Algorithm::HS256, setOf({secretJwk("short")}), "at least 32 bytes"},
        {Algorithm::HS256, setOf({R"({"kty":"oct"})"}), "at least 32 bytes"},
        {Algorithm::HS256, "{a secret that begins as JSON does but is none", "JSON"},
    };
    for (const auto& [algorithm, set, word] : kBad) {
        const auto key = core::makeKey(algorithm, set);
        EXPECT_FOR(!key.ok(), set);
        ck_assert(key.status().code() == Code::InvalidField);
        EXPECT_FOR(key.status().detail().find(word) != std::string::npos,
                   key.status().detail() + " for " + set);
        ck_assert(ERR_peek_error() == 0);
    }
    keyOf(Algorithm::EdDSA, setOf({edwardsJwk(edwards.get())}));
}

START_TEST(takesLargeSets) {
    const Pkey rsa(EVP_RSA_gen(2048));
    std::string text = "{\"keys\":[";
    for (int i = 0; i < 100; ++i) {
        text += rsaJwk(rsa.get(), R"(,"use":"sig","x5t":"a","alg":"RS256","kid":"k)" +
                                      std::to_string(i) + '"') +
                (i < 99 ? "," : "]}");
    }
    const TokenKey key = keyOf(Algorithm::RS256, text);
    accepted(key, tokenOf(rsa.get(), R"({"alg":"RS256","kid":"k99"})"), "the last");
}

}  // namespace

Suite* token_jwksSuite() {
    return suiteOf("token key sets", {choosesByKid, takesTheOnlyOneWithoutKid,
                                      refusesSets, takesLargeSets});
}

}  // namespace messaging::unit
