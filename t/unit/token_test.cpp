// Tests for tokens: by cjose's own hand and by ours, what they say, for whom they are,
// and the cache. Hostile ones: token_hostile_test.cpp.
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

START_TEST(findsClaimsByTheirNames) {
    TokenKey key = secretKey();
    key.claims = {"user.id", "user.role", "https://shop.example/name",
                  "user.login.sid"};
    const std::string end = R"(,"exp":1700000100})";
    const auto token = [&end](const std::string& claims) {
        return withPayload('{' + claims + end);
    };
    const auto claims = core::verify(
        key,
        token(
            R"("sub":"other","role":"root","user":{"id":7,"role":"buyer",)"
            R"("login":{"sid":"s1"}},"https://shop.example/name":"Ann","iat":1699999999.9)"),
        kNow);
    ck_assert_msg(claims.ok(), "%s", claims.status().detail().c_str());
    EXPECT_TEXT(claims.value().user, "7");
    EXPECT_TEXT(claims.value().role, "buyer");
    EXPECT_TEXT(claims.value().name, "Ann");
    EXPECT_TEXT(claims.value().session, "s1");
    ck_assert(claims.value().issued == 1699999999);
    const auto least = core::verify(key, token(R"("user":{"id":"u"})"), kNow);
    ck_assert(least.ok());
    EXPECT_TEXT(least.value().role, "");
    EXPECT_TEXT(least.value().session, "");
    ck_assert(least.value().issued == 0);
    for (const char* bad : {
             R"("sub":"a")",
             R"("user.id":"a")",
             R"("user":"a")",
             R"("user":["a"])",
             R"("user":null)",
             R"("user":{"sub":"a"})",
             R"("user":{"id":null})",
             R"("user":{"id":{"id":"a"}})",
             R"("user":{"id":"a","id":"b"})",
             R"("user":{"id":"a"},"user":{"id":"b"})",
             R"("user":{"id":"a","role":1})",
             R"("user":{"id":"a","login":{"sid":true}})",
             R"("id":"a")",
         }) {
        refused(key, token(bad), bad);
    }
}

START_TEST(knowsClaimNames) {
    for (const char* good : {"sub", "user.id", "a.b.c", "https://shop.example/a..b",
                             "urn:shop:role", "é"}) {
        EXPECT_FOR(core::validClaimName(good), good);
    }
    const std::string deep = repeat("a.", 16) + 'a';
    for (const std::string& bad :
         {std::string(), std::string("."), std::string(".a"), std::string("a."),
          std::string("a..b"), std::string(" a"), std::string("a\nb"), deep,
          repeat("a", 129)}) {
        EXPECT_FOR(!core::validClaimName(bad), bad);
    }
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
    stricter = key;
    stricter.claims.user = "name";
    EXPECT_TEXT(cache.verify(stricter, token, kNow).value().user, "Ann");
    stricter.claims.user = "id";
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
    return suiteOf("token", {acceptsCjosesOwn, acceptsGoodOnes, findsClaimsByTheirNames,
                             knowsClaimNames, checksIssuerAndAudience, honoursLeeway,
                             cachesWhatHolds, cacheKeepsKeysApart});
}

}  // namespace messaging::unit
