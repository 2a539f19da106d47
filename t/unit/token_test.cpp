// Tests for tokens: by cjose's own hand and by ours, good ones first, then every way
// that came to mind of being another's, broken, or almost right.
#include "ngx_module/core/token.hpp"

#include <cjose/cjose.h>

#include <utility>

#include "t/unit/token_forge.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using core::TokenCache;

START_TEST(acceptsCjosesOwn) {
    cjose_header_t* header = cjose_header_new(nullptr);
    cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_HS256, nullptr);
    cjose_jwk_t* jwk = cjose_jwk_create_oct_spec(
        reinterpret_cast<const uint8_t*>(kSecret.data()), kSecret.size(), nullptr);
    cjose_jws_t* jws =
        cjose_jws_sign(jwk, header, reinterpret_cast<const uint8_t*>(kPayload.data()),
                       kPayload.size(), nullptr);
    const char* token = nullptr;
    ck_assert(cjose_jws_export(jws, &token, nullptr));
    const auto claims = core::verify(secretKey(), token, kNow);
    ck_assert(claims.ok());
    EXPECT_TEXT(claims.value().user, "u1");
    EXPECT_TEXT(claims.value().role, "buyer");
    EXPECT_TEXT(claims.value().name, "Ann");
    ck_assert(claims.value().expires == 1700000100);
    cjose_jws_release(jws);
    cjose_jwk_release(jwk);
    cjose_header_release(header);
}

START_TEST(acceptsGoodOnes) {
    const TokenKey key = secretKey();
    const std::pair<const char*, std::string> kGood[] = {
        {"plain", withPayload(kPayload)},
        {"no typ", withHeader(R"({"alg":"HS256"})")},
        {"at+jwt", withHeader(R"({"alg":"HS256","typ":"at+jwt"})")},
        {"application/at+jwt",
         withHeader(R"({"alg":"HS256","typ":"application/AT+JWT"})")},
        {"kid ignored", withHeader(R"({"alg":"HS256","kid":"../../dev/null"})")},
        {"jku ignored", withHeader(R"({"alg":"HS256","jku":"http://evil/"})")},
        {"jwk ignored", withHeader(R"({"alg":"HS256","jwk":{"kty":"oct","k":"YQ"}})")},
        {"x5u, x5c ignored", withHeader(R"({"alg":"HS256","x5u":"x","x5c":["y"]})")},
        {"escaped alg", withHeader(R"({"\u0061lg":"HS\u003256"})")},
        {"spaces in JSON", withPayload("{ \"sub\" : \"u1\" ,\n\"exp\": 1700000100 }")},
        {"float exp", withPayload(R"({"sub":"u1","exp":1700000100.5})")},
        {"exponent exp", withPayload(R"({"sub":"u1","exp":1.8e9})")},
        {"integer sub", withPayload(R"({"sub":42,"exp":1700000100})")},
        {"nbf now", withClaims(R"("nbf":1700000000)")},
        {"iat in the future", withClaims(R"("iat":1800000000)")},
        {"null role and name", withClaims(R"("role":null,"name":null)")},
        {"empty role and name", withClaims(R"("role":"","name":"")")},
        {"any iss and aud", withClaims(R"("iss":"x","aud":["y"])")},
        {"unknown claims", withClaims(R"("a":{"b":[1,null,true]})")},
        {"one second left", withPayload(R"({"sub":"u1","exp":1700000001})")},
    };
    for (const auto& [what, token] : kGood) {
        accepted(key, token, what);
    }
    const auto number =
        core::verify(key, withPayload(R"({"sub":42,"exp":1700000100})"), kNow);
    EXPECT_TEXT(number.value().user, "42");
    const auto name = core::verify(key, withClaims(R"("name":"  Ж \u00e9 ")"), kNow);
    EXPECT_TEXT(name.value().name, "Ж é");
}

START_TEST(refusesBrokenBytes) {
    const TokenKey key = secretKey();
    const std::string good = withPayload(kPayload);
    const size_t first = good.find('.');
    const size_t second = good.find('.', first + 1);
    const std::string header = good.substr(0, first);
    const std::string payload = good.substr(first + 1, second - first - 1);
    const std::string signature = good.substr(second + 1);
    const auto insert = [&good](size_t at, std::string_view what) {
        return std::string(good).insert(at, what);
    };
    std::string spare = good;  // another last letter that decodes to the same bytes
    spare.back() = static_cast<char>(spare.back() + 1);
    const std::pair<const char*, std::string> kBad[] = {
        {"empty", ""},
        {"one dot", "."},
        {"two dots", ".."},
        {"three dots", "..."},
        {"no dot", "abcd"},
        {"one part", header},
        {"two parts", header + '.' + payload},
        {"no signature", header + '.' + payload + '.'},
        {"no payload", header + ".." + signature},
        {"no header", '.' + payload + '.' + signature},
        {"four parts", good + ".x"},
        {"five parts (JWE)", header + ".AA.AA.AA.AA"},
        {"trailing dot", good + '.'},
        {"leading dot", '.' + good},
        {"padding", good + '='},
        {"padding in header", sealed(header + "=." + payload)},
        {"padding and more in payload", sealed(header + '.' + payload + "=AAA")},
        {"a letter and padding only (asserts in cjose)", sealed("A===." + payload)},
        {"a letter and padding as signature", header + '.' + payload + ".A==="},
        {"length 1 mod 4", sealed("AAAAA." + payload)},
        {"plus", sealed(header + '.' + payload.substr(0, payload.size() - 1) + '+')},
        {"slash", sealed(header + '.' + payload.substr(0, payload.size() - 1) + '/')},
        {"space inside", insert(5, " ")},
        {"space before", ' ' + good},
        {"space after", good + ' '},
        {"newline after", good + '\n'},
        {"newline in payload", insert(first + 9, "\n")},
        {"tab in signature", insert(second + 9, "\t")},
        {"NUL after", good + std::string(1, '\0')},
        {"NUL in payload", insert(first + 8, std::string_view("\0", 1))},
        {"high byte", insert(first + 8, "\xFF")},
        {"UTF-8", insert(first + 8, "é")},
        {"percent", insert(first + 8, "%2E")},
        {"quotes", '"' + good + '"'},
        {"Bearer", "Bearer " + good},
        {"spare bits in the signature", spare},
        {"JSON serialization", R"({"payload":"e30","signatures":[]})"},
        {"too long", withClaims("\"x\":\"" + repeat("y", 8192) + '"')},
        {"long and empty", repeat("A", 9000)},
        {"dots only", repeat(".", 5000)},
    };
    for (const auto& [what, token] : kBad) {
        refused(key, token, what);
    }
    accepted(key, good, "the one they were made of");
}

START_TEST(refusesOtherSignatures) {
    const TokenKey key = secretKey();
    const std::string part = signedPart(kHeader);
    const std::string mac = hmac(kSecret, part);
    std::string flipped = mac;
    flipped[0] = static_cast<char>(flipped[0] ^ 1);
    const std::pair<const char*, std::string> kBad[] = {
        {"another secret",
         forge(kHeader, kPayload, "another-secret-another-secret-12")},
        {"one bit", part + '.' + base64url(flipped)},
        {"cut to 31 bytes", part + '.' + base64url(mac.substr(0, 31))},
        {"cut to one byte", part + '.' + base64url(mac.substr(0, 1))},
        {"33 bytes", part + '.' + base64url(mac + '\0')},
        {"twice", part + '.' + base64url(mac + mac)},
        {"zeros", part + '.' + base64url(std::string(32, '\0'))},
        {"HMAC of the payload alone",
         part + '.' + base64url(hmac(kSecret, base64url(kPayload)))},
        {"another payload", base64url(kHeader) + '.' +
                                base64url(R"({"sub":"u2","exp":1700000100})") + '.' +
                                base64url(mac)},
        {"secret without its last byte",
         forge(kHeader, kPayload, kSecret.substr(0, kSecret.size() - 1))},
        {"no secret", forge(kHeader, kPayload, "")},
    };
    for (const auto& [what, token] : kBad) {
        refused(key, token, what);
    }
}

START_TEST(refusesHeaders) {
    const TokenKey key = secretKey();
    constexpr const char* kBad[] = {
        R"({"alg":"none"})",
        R"({"alg":"None"})",
        R"({"alg":""})",
        R"({"alg":null})",
        R"({"alg":256})",
        R"({"alg":["HS256"]})",
        R"({"alg":{"HS256":1}})",
        R"({"alg":"hs256"})",
        R"({"alg":" HS256"})",
        R"({"alg":"HS256\u0000"})",
        R"({"alg":"HS384"})",
        R"({"alg":"HS512"})",
        R"({"alg":"RS256"})",
        R"({"alg":"PS256"})",
        R"({"alg":"ES256"})",
        R"({"alg":"EdDSA"})",
        R"({"alg":"dir","enc":"A256GCM"})",
        R"({"alg":"HS256","alg":"HS256"})",
        R"({"alg":"none","alg":"HS256"})",
        R"({"alg":"HS256","\u0061lg":"none"})",
        R"({"Alg":"HS256"})",
        R"({"typ":"JWT"})",
        R"({})",
        R"([])",
        R"(["alg","HS256"])",
        R"("HS256")",
        R"(null)",
        R"(1)",
        R"({"alg":"HS256"}x)",
        R"({"alg":"HS256"} {})",
        R"({"alg":"HS256",})",
        R"({'alg':'HS256'})",
        R"({"alg":"HS256")",
        R"({"alg":"HS256"/**/})",
        "\xEF\xBB\xBF{\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"x\":\"\xC0\x80\"}",
        R"({"alg":"HS256","crit":["b64"],"b64":false})",
        R"({"alg":"HS256","crit":[]})",
        R"({"alg":"HS256","crit":null})",
        R"({"alg":"HS256","typ":"logout+jwt"})",
        R"({"alg":"HS256","typ":"dpop+jwt"})",
        R"({"alg":"HS256","typ":"JOSE"})",
        R"({"alg":"HS256","typ":1})",
        R"({"alg":"HS256","typ":null})",
        R"({"alg":"HS256","typ":["JWT"]})",
    };
    for (const char* header : kBad) {
        refused(key, withHeader(header), header);
    }
    refused(key, base64url(R"({"alg":"none"})") + '.' + base64url(kPayload) + '.',
            "none");
    const std::string deep =
        R"({"alg":"HS256","x":)" + repeat("[", 2000) + repeat("]", 2000);
    refused(key, withHeader(deep + '}'), "deep");
}

START_TEST(refusesClaims) {
    const TokenKey key = secretKey();
    constexpr const char* kBad[] = {
        R"({})",
        R"([])",
        R"("u1")",
        R"(null)",
        R"({"sub":"u1"})",
        R"({"exp":1700000100})",
        R"({"sub":"u1","exp":null})",
        R"({"sub":"u1","exp":"1700000100"})",
        R"({"sub":"u1","exp":true})",
        R"({"sub":"u1","exp":[1700000100]})",
        R"({"sub":"u1","exp":-1})",
        R"({"sub":"u1","exp":0})",
        R"({"sub":"u1","exp":1e300})",
        R"({"sub":"u1","exp":1e999})",
        R"({"sub":"u1","exp":Infinity})",
        R"({"sub":"u1","exp":NaN})",
        R"({"sub":"u1","exp":0x7fffffff})",
        R"({"sub":"u1","exp":9007199254740993000})",
        R"({"sub":"u1","exp":1699999999})",
        R"({"sub":"u1","exp":1700000000})",
        R"({"sub":"u1","exp":1700000000.9})",
        R"({"sub":"u1","exp":1700000100,"exp":1700000100})",
        R"({"sub":"u1","exp":1,"exp":1700000100})",
        R"({"sub":"u1","sub":"u2","exp":1700000100})",
        R"({"sub":"u1","s\u0075b":"u2","exp":1700000100})",
        R"({"sub":"","exp":1700000100})",
        R"({"sub":" u1","exp":1700000100})",
        R"({"sub":"u1\n","exp":1700000100})",
        R"({"sub":"u\u0000","exp":1700000100})",
        R"({"sub":"\ud800","exp":1700000100})",
        R"({"sub":null,"exp":1700000100})",
        R"({"sub":true,"exp":1700000100})",
        R"({"sub":-1,"exp":1700000100})",
        R"({"sub":1.5,"exp":1700000100})",
        R"({"sub":1e3,"exp":1700000100})",
        R"({"sub":9007199254740993,"exp":1700000100})",
        R"({"sub":"team:sales","exp":1700000100})",
        R"({"sub":["u1"],"exp":1700000100})",
        R"({"sub":{"id":"u1"},"exp":1700000100})",
        R"({"sub":"u1","exp":1700000100,"nbf":1700000001})",
        R"({"sub":"u1","exp":1700000100,"nbf":1700000000.1})",
        R"({"sub":"u1","exp":1700000100,"nbf":"1"})",
        R"({"sub":"u1","exp":1700000100,"nbf":null})",
        R"({"sub":"u1","exp":1700000100,"iat":"1"})",
        R"({"sub":"u1","exp":1700000100,"iat":-1})",
        R"({"sub":"u1","exp":1700000100,"role":1})",
        R"({"sub":"u1","exp":1700000100,"role":["admin"]})",
        R"({"sub":"u1","exp":1700000100,"role":" admin"})",
        R"({"sub":"u1","exp":1700000100,"role":"a\nb"})",
        R"({"sub":"u1","exp":1700000100,"name":1})",
        R"({"sub":"u1","exp":1700000100,"name":{"a":1}})",
        R"({"sub":"u1","exp":1700000100,"name":"a\u0007b"})",
        R"({"sub":"u1","exp":1700000100} )"
        "\x01",
        R"({"sub":"u1","exp":1700000100}{})",
        "{\"sub\":\"\xFF\",\"exp\":1700000100}",
    };
    for (const char* payload : kBad) {
        refused(key, withPayload(payload), payload);
    }
    refused(key,
            withPayload("{\"sub\":\"" + repeat("x", 129) + "\",\"exp\":1700000100}"),
            "long sub");
    accepted(key, withClaims("\"role\":\"" + repeat("x", 128) + '"'), "longest role");
    refused(key, withClaims("\"role\":\"" + repeat("x", 129) + '"'), "long role");
    refused(key, withClaims("\"name\":\"" + repeat("x", 129) + '"'), "long name");
    refused(key, forge(kHeader, forge(kHeader, kPayload)), "a token in a token");
}

START_TEST(checksIssuerAndAudience) {
    TokenKey key = secretKey();
    key.issuer = "https://shop";
    key.audience = "messages";
    const std::string iss = R"("iss":"https://shop")";
    accepted(key, withClaims(iss + R"(,"aud":"messages")"), "text");
    accepted(key, withClaims(iss + R"(,"aud":["a","messages"])"), "array");
    const std::pair<const char*, std::string> kBad[] = {
        {"neither", withPayload(kPayload)},
        {"no aud", withClaims(iss)},
        {"no iss", withClaims(R"("aud":"messages")")},
        {"another iss", withClaims(R"("iss":"https://shop/","aud":"messages")")},
        {"iss in an array", withClaims(R"("iss":["https://shop"],"aud":"messages")")},
        {"null iss", withClaims(R"("iss":null,"aud":"messages")")},
        {"another aud", withClaims(iss + R"(,"aud":"message")")},
        {"empty aud", withClaims(iss + R"(,"aud":"")")},
        {"no aud in array", withClaims(iss + R"(,"aud":[])")},
        {"others in array", withClaims(iss + R"(,"aud":["a","b"])")},
        {"nested array", withClaims(iss + R"(,"aud":[["messages"]])")},
        {"aud as a key", withClaims(iss + R"(,"aud":{"messages":1})")},
        {"aud number", withClaims(iss + R"(,"aud":1)")},
        {"case", withClaims(iss + R"(,"aud":"Messages")")},
    };
    for (const auto& [what, token] : kBad) {
        refused(key, token, what);
    }
}

START_TEST(honoursLeeway) {
    TokenKey key = secretKey();
    key.leeway = 30;
    const std::string token = withClaims(R"("nbf":1700000000)");
    accepted(key, token, "nbf in 30", kNow - 30);
    refused(key, token, "nbf in 31", kNow - 31);
    accepted(key, token, "exp 29 ago", 1700000129);
    refused(key, token, "exp 30 ago", 1700000130);
}

START_TEST(cachesWhatHolds) {
    TokenKey key = secretKey();
    TokenCache cache(2);
    const std::string one = withPayload(kPayload);
    const std::string two = withClaims(R"("nbf":1700000000)");
    const std::string three = withClaims(R"("jti":"3")");
    for (int i = 0; i < 3; ++i) {
        const auto claims = cache.verify(key, one, kNow);
        ck_assert(claims.ok());
        EXPECT_TEXT(claims.value().name, "Ann");
    }
    ck_assert(cache.size() == 1);
    ck_assert(!cache.verify(key, one + "A", kNow).ok());
    ck_assert(!cache.verify(key, one.substr(0, one.size() - 1), kNow).ok());
    ck_assert(cache.size() == 1);
    ck_assert(cache.verify(key, two, kNow).ok());
    ck_assert(
        !cache.verify(key, two, kNow - 1).ok());  // not valid yet: forgotten as well
    ck_assert(cache.size() == 1);
    ck_assert(cache.verify(key, two, kNow).ok());
    ck_assert(cache.verify(key, one, kNow).ok());
    ck_assert(cache.verify(key, three, kNow).ok());  // two goes
    ck_assert(cache.size() == 2);
    ck_assert(cache.verify(key, one, kNow + 99).ok());
    ck_assert(!cache.verify(key, one, kNow + 100).ok());  // expired while it was cached
    ck_assert(cache.size() == 1);
}

START_TEST(cacheKeepsKeysApart) {
    TokenCache cache(8);
    const TokenKey key = secretKey();
    const std::string token = withPayload(kPayload);
    ck_assert(cache.verify(key, token, kNow).ok());
    TokenKey stricter = key;
    stricter.audience = "messages";
    ck_assert(!cache.verify(stricter, token, kNow).ok());
    stricter = key;
    stricter.issuer = "x";
    ck_assert(!cache.verify(stricter, token, kNow).ok());
    const auto other = core::makeKey(Algorithm::HS256, repeat("z", 32));
    ck_assert(!cache.verify(other.value(), token, kNow).ok());
    ck_assert(cache.verify(key, token, kNow).ok());
    TokenCache none(0);
    ck_assert(none.verify(key, token, kNow).ok());
    ck_assert(none.size() == 0);
}

}  // namespace

Suite* tokenSuite() {
    return suiteOf("token", {acceptsCjosesOwn, acceptsGoodOnes, refusesBrokenBytes,
                             refusesOtherSignatures, refusesHeaders, refusesClaims,
                             checksIssuerAndAudience, honoursLeeway, cachesWhatHolds,
                             cacheKeepsKeysApart});
}

}  // namespace messaging::unit
