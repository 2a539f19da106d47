// Tests for the session cookies of NextAuth and Auth.js, made here by another hand than
// the one that opens them; those that the real packages make are t/nginx's business.
#include <algorithm>
#include <utility>

#include "ngx_module/core/token.hpp"
#include "t/unit/token_forge.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

constexpr std::string_view kCookie = "authjs.session-token";
constexpr std::string_view kV4 = R"({"alg":"dir","enc":"A256GCM"})";
constexpr std::string_view kV5 = R"({"alg":"dir","enc":"A256CBC-HS512","kid":"x"})";

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// RFC 5869, by its letter.
std::string hkdf(std::string_view secret, std::string_view salt, std::string_view info,
                 size_t size) {
    const std::string extracted =
        hmac(salt.empty() ? std::string(32, '\0') : std::string(salt), secret);
    std::string out;
    std::string block;
    for (char i = 1; out.size() < size; ++i) {
        block = hmac(extracted, block + std::string(info) + i);
        out += block;
    }
    return out.substr(0, size);
}

std::string keyOfV4(std::string_view secret) {
    return hkdf(secret, "", "NextAuth.js Generated Encryption Key", 32);
}

std::string keyOfV5(std::string_view secret, std::string_view cookie) {
    return hkdf(secret, cookie,
                "Auth.js Generated Encryption Key (" + std::string(cookie) + ')', 64);
}

std::string compact(const std::string& header, std::string_view iv,
                    std::string_view text, std::string_view tag) {
    return header + ".." + base64url(iv) + '.' + base64url(text) + '.' + base64url(tag);
}

std::string encrypt(const EVP_CIPHER* kind, std::string_view key, std::string_view iv,
                    std::string_view plain, std::string_view header, std::string* tag) {
    const Cipher context(EVP_CIPHER_CTX_new());
    std::string out(plain.size() + 16, '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    int size = 0;
    int last = 0;
    EVP_EncryptInit_ex(context.get(), kind, nullptr, bytes(key), bytes(iv));
    if (tag != nullptr) {
        EVP_EncryptUpdate(context.get(), nullptr, &size, bytes(header),
                          static_cast<int>(header.size()));
    }
    EVP_EncryptUpdate(context.get(), to, &size, bytes(plain),
                      static_cast<int>(plain.size()));
    EVP_EncryptFinal_ex(context.get(), to + size, &last);
    out.resize(static_cast<size_t>(size + last));
    if (tag != nullptr) {
        tag->resize(16);
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, 16, tag->data());
    }
    return out;
}

std::string sealV4(std::string_view payload, std::string_view header = kV4,
                   std::string_view secret = kSecret) {
    const std::string encoded = base64url(header);
    const std::string iv(12, '\x07');
    std::string tag;
    const std::string text =
        encrypt(EVP_aes_256_gcm(), keyOfV4(secret), iv, payload, encoded, &tag);
    return compact(encoded, iv, text, tag);
}

std::string macOf(std::string_view key, const std::string& encoded,
                  const std::string& iv, const std::string& text) {
    std::string covered = encoded + iv + text;
    const uint64_t bits = encoded.size() * 8;
    for (int shift = 56; shift >= 0; shift -= 8) {
        covered += static_cast<char>(bits >> shift);
    }
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha512(), key.data(), 32, bytes(covered), covered.size(), out, &size);
    return {reinterpret_cast<char*>(out), size};
}

std::string sealV5(std::string_view payload, std::string_view header = kV5,
                   std::string_view secret = kSecret,
                   std::string_view cookie = kCookie) {
    const std::string encoded = base64url(header);
    const std::string iv(16, '\x07');
    const std::string key = keyOfV5(secret, cookie);
    const std::string text =
        encrypt(EVP_aes_256_cbc(), key.substr(32), iv, payload, encoded, nullptr);
    return compact(encoded, iv, text, macOf(key, encoded, iv, text).substr(0, 32));
}

TokenKey sessionKey(Algorithm algorithm, std::string_view secrets = kSecret,
                    std::string_view cookie = kCookie) {
    auto key = core::makeSessionKey(algorithm, secrets, cookie);
    ck_assert_msg(key.ok(), "%s", key.status().detail().c_str());
    return key.value();
}

// Of both versions: how one is made, and the key that opens it.
struct Version {
    Algorithm algorithm;
    std::string_view header;
    std::string enc;
};
const Version kVersions[] = {{Algorithm::NextAuth4, kV4, "A256GCM"},
                             {Algorithm::AuthJs5, kV5, "A256CBC-HS512"}};

std::string seal(const Version& version, std::string_view payload,
                 std::string_view header = {}, std::string_view secret = kSecret) {
    header = header.empty() ? version.header : header;
    return version.algorithm == Algorithm::NextAuth4 ? sealV4(payload, header, secret)
                                                     : sealV5(payload, header, secret);
}

// What RFC 5869 (A.1, A.3) says of the derivation that the tokens here are made with.
START_TEST(derivesByTheStandard) {
    const std::string secret(22, '\x0b');
    const std::string salt("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", 13);
    const std::string info("\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9");
    EXPECT_TEXT(base64url(hkdf(secret, salt, info, 42)),
                "PLJfJfqs1XqQQ09k0DYvKi0tCpDPGlpMXbAtVuzExb80AHII1biHGFhl");
    EXPECT_TEXT(base64url(hkdf(secret, "", "", 42)),
                "jaTndaVjwY9xX4AqBjxaMbihH1xe4Yeew0VOXzxzjS2dIBOV-qS2GpbI");
}

START_TEST(opensBothKinds) {
    for (const Version& version : kVersions) {
        const TokenKey key = sessionKey(version.algorithm);
        ck_assert(key.cookie == kCookie);
        const auto claims = core::verify(key, seal(version, kPayload), kNow);
        ck_assert_msg(claims.ok(), "%s", claims.status().detail().c_str());
        EXPECT_TEXT(claims.value().user, "u1");
        EXPECT_TEXT(claims.value().role, "buyer");
        ck_assert(claims.value().expires == 1700000100);
        // Of every length that padding can take, and one that needs chunks.
        const std::string start = R"({"sub":"u1","exp":1700000100,"x":")";
        for (size_t i = 0; i < 33; ++i) {
            accepted(key, seal(version, start + repeat("y", i) + "\"}"), "a length");
        }
        accepted(key, seal(version, start + repeat("y", 8000) + "\"}"), "a long one");
    }
}

START_TEST(takesSecretsOneALine) {
    const std::string old(kSecret.rbegin(), kSecret.rend());
    const std::string both = std::string(kSecret) + "\r\n\n" + old + '\n';
    for (const Version& version : kVersions) {
        const TokenKey key = sessionKey(version.algorithm, both);
        for (const std::string& secret : {std::string(kSecret), old}) {
            accepted(key, seal(version, kPayload, {}, secret), "either secret");
        }
        refused(sessionKey(version.algorithm), seal(version, kPayload, {}, old),
                "the old secret");
    }
    const std::pair<std::string, const char*> kBad[] = {
        {"", "no secret"},
        {"\n\r\n", "no secret"},
        {"short\n", "32 bytes"},
        {std::string(kSecret) + "\nshort", "32 bytes"},
        {repeat(std::string(kSecret) + '\n', 9), "8 secrets"},
    };
    for (const auto& [secrets, word] : kBad) {
        const auto bad = core::makeSessionKey(Algorithm::AuthJs5, secrets, kCookie);
        EXPECT_FOR(!bad.ok(), secrets);
        EXPECT_FOR(bad.status().detail().find(word) != std::string::npos,
                   bad.status().detail());
    }
}

// The parts of a compact form, put together again with one replaced.
std::string with(const std::string& token, int part, const std::string& other) {
    std::string out;
    size_t from = 0;
    for (int i = 0; i < 5; ++i) {
        const size_t dot = std::min(token.find('.', from), token.size());
        out +=
            (i == 0 ? "" : ".") + (i == part ? other : token.substr(from, dot - from));
        from = dot + 1;
    }
    return out;
}

// Of Auth.js 5, but with the whole MAC and not the half that a tag is.
std::string withWholeTag() {
    const std::string encoded = base64url(kV5);
    const std::string iv(16, '\x07');
    const std::string key = keyOfV5(kSecret, kCookie);
    const std::string text =
        encrypt(EVP_aes_256_cbc(), key.substr(32), iv, kPayload, encoded, nullptr);
    return compact(encoded, iv, text, macOf(key, encoded, iv, text));
}

START_TEST(refusesOthers) {
    for (const Version& version : kVersions) {
        const bool gcm = version.algorithm == Algorithm::NextAuth4;
        const std::string& enc = version.enc;
        const TokenKey key = sessionKey(version.algorithm);
        const auto headed = [&version](std::string_view header) {
            return seal(version, kPayload, header);
        };
        const std::string good = seal(version, kPayload);
        const std::string zeros = base64url(std::string(32, '\0'));
        const std::pair<const char*, std::string> kBad[] = {
            {"empty", ""},
            {"dots", "...."},
            {"four parts", good.substr(0, good.rfind('.'))},
            {"six parts", good + ".AA"},
            {"a signed one", withPayload(kPayload)},
            {"an encrypted key", with(good, 1, "AA")},
            {"no header", with(good, 0, "")},
            {"no iv", with(good, 2, "")},
            {"no text", with(good, 3, "")},
            {"no tag", with(good, 4, "")},
            {"a tag of one byte", with(good, 4, "AA")},
            {"a tag of 12 bytes", with(good, 4, repeat("A", 16))},
            {"3 bytes of its tag", good.substr(0, good.rfind('.') + 5)},
            {"12 bytes of its tag", good.substr(0, good.rfind('.') + 17)},
            {"15 bytes of its tag", good.substr(0, good.rfind('.') + 21)},
            {"a tag of zeros", with(good, 4, gcm ? zeros.substr(0, 22) : zeros)},
            {"a longer tag", with(good, 4, base64url(std::string(64, '\0')))},
            {"another iv", with(good, 2, gcm ? repeat("A", 16) : repeat("A", 22))},
            {"a shorter iv", with(good, 2, "AAAA")},
            {"a longer iv", with(good, 2, zeros)},
            {"another text", with(good, 3, zeros)},
            {"a cut text", with(good, 3, base64url("fifteen bytes.."))},
            {"padding", good + '='},
            {"a space", good + ' '},
            {"another header of the same key",
             with(good, 0, base64url(R"({"enc":")" + enc + R"(","alg":"dir"})"))},
            {"no alg", headed(R"({"enc":")" + enc + "\"}")},
            {"alg twice", headed(R"({"alg":"dir","alg":"dir","enc":")" + enc + "\"}")},
            {"another alg", headed(R"({"alg":"A256KW","enc":")" + enc + "\"}")},
            {"no enc", headed(R"({"alg":"dir"})")},
            {"another enc", headed(R"({"alg":"dir","enc":"A128GCM"})")},
            {"the other enc", headed(gcm ? R"({"alg":"dir","enc":"A256CBC-HS512"})"
                                         : R"({"alg":"dir","enc":"A256GCM"})")},
            {"enc null", headed(R"({"alg":"dir","enc":null})")},
            {"zip", headed(R"({"alg":"dir","zip":"DEF","enc":")" + enc + "\"}")},
            {"crit", headed(R"({"alg":"dir","crit":["exp"],"enc":")" + enc + "\"}")},
            {"a header that is no JSON", headed("alg=dir")},
            {"a list as header", headed("[]")},
            {"of the other version", seal(kVersions[gcm ? 1 : 0], kPayload)},
            {"an HS512 tag of all its bytes", gcm ? "." : withWholeTag()},
            {"too long", good + repeat("A", 16 * 1024)},
        };
        for (const auto& [what, token] : kBad) {
            refused(key, token, what);
        }
        for (size_t i = 0; i < good.size(); ++i) {
            std::string flipped = good;
            flipped[i] = flipped[i] == 'A' ? 'E' : 'A';
            refused(key, flipped, ("letter " + std::to_string(i)).c_str());
        }
        for (const char* payload : {
                 R"({"sub":"u1"})",
                 R"({"sub":"u1","exp":1700000000})",
                 R"({"sub":"u1","exp":1700000100,"nbf":1700000001})",
                 R"({"exp":1700000100})",
                 R"({"sub":"team:a","exp":1700000100})",
                 R"({"sub":"u1","sub":"u2","exp":1700000100})",
                 R"([])",
                 "no JSON",
             }) {
            refused(key, seal(version, payload), payload);
        }
    }
    refused(sessionKey(Algorithm::AuthJs5),
            sealV5(kPayload, kV5, kSecret, "__Secure-authjs.session-token"),
            "of another cookie");
    accepted(sessionKey(Algorithm::AuthJs5, kSecret, "__Secure-authjs.session-token"),
             sealV5(kPayload, kV5, kSecret, "__Secure-authjs.session-token"),
             "of that cookie");
    refused(secretKey(), sealV4(kPayload), "a session is no token");
}

START_TEST(knowsOpaqueOnes) {
    const TokenKey key = sessionKey(Algorithm::NextAuth4);
    for (const char* token :
         {"4d3c1f8e-6f0b-4d53-9d3f-0a8f4bd6d5a1", "abcdef", "%20"}) {
        ck_assert(core::isOpaqueSession(token));
        refused(key, token, token);
    }
    ck_assert(!core::isOpaqueSession(sealV4(kPayload)));
    ck_assert(!core::isOpaqueSession(withPayload(kPayload)));
}

START_TEST(areCached) {
    const TokenKey key = sessionKey(Algorithm::AuthJs5);
    core::TokenCache cache(4);
    const std::string token = sealV5(kPayload);
    for (int i = 0; i < 2; ++i) {
        ck_assert(cache.verify(key, token, kNow).ok());
    }
    ck_assert(cache.size() == 1);
    ck_assert(!cache.verify(key, token, kNow + 100).ok());
    ck_assert(
        !cache.verify(sessionKey(Algorithm::AuthJs5, std::string(32, 'x')), token, kNow)
             .ok());
}

}  // namespace

Suite* token_sessionSuite() {
    return suiteOf("token sessions",
                   {derivesByTheStandard, opensBothKinds, takesSecretsOneALine,
                    refusesOthers, knowsOpaqueOnes, areCached});
}

}  // namespace messaging::unit
