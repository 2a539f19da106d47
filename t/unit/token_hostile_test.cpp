// Tests for hostile tokens: more than 200 of them for each algorithm, none of which may
// pass with any key. All but those of the last table are signed by the honest key, so
// that what is tried is the gate that each is about and not the signature.
#include <cctype>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "ngx_module/core/token.hpp"
#include "t/unit/token_forge.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

constexpr size_t kLeast = 200;

using Sign = std::function<std::string(std::string_view)>;

// An honest key, and how it signs.
struct Signer {
    std::string algorithm;
    TokenKey key;
    std::string published;  // what everybody knows of the key
    Sign sign;
};

struct Row {
    std::string what;
    std::string token;
};
using Table = std::vector<Row>;

Signer pairSigner(const std::string& name, Algorithm algorithm, EVP_PKEY* raw) {
    const std::shared_ptr<EVP_PKEY> pair(raw, EVP_PKEY_free);
    auto key = core::makeKey(algorithm, publicPem(raw));
    ck_assert(key.ok());
    const bool raws = algorithm == Algorithm::ES256;
    return {name, key.value(), publicPem(raw), [pair, raws](std::string_view part) {
                const std::string signature = signBy(pair.get(), part);
                return raws ? rawSignature(signature) : signature;
            }};
}

std::vector<Signer> makeSigners() {
    const Sign mac = [](std::string_view part) { return hmac(kSecret, part); };
    return {
        {"HS256", secretKey(), "", mac},
        pairSigner("RS256", Algorithm::RS256, EVP_RSA_gen(2048)),
        pairSigner("ES256", Algorithm::ES256, EVP_EC_gen("P-256")),
        pairSigner("EdDSA", Algorithm::EdDSA,
                   EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")),
    };
}

// % stands for the algorithm's name.
std::string named(std::string text, const std::string& algorithm) {
    for (size_t at = text.find('%'); at != text.npos; at = text.find('%')) {
        text.replace(at, 1, algorithm);
    }
    return text;
}

std::string joined(std::string_view header, std::string_view payload) {
    return base64url(header) + '.' + base64url(payload);
}

std::string sealedBy(const Signer& signer, const std::string& part) {
    return part + '.' + base64url(signer.sign(part));
}

// --- Headers, signed by the honest key

void addHeaders(const Signer& signer, Table* table) {
    constexpr const char* kBad[] = {
        R"({"alg":"none"})",
        R"({"alg":"None"})",
        R"({"alg":"NONE"})",
        R"({"alg":"nOnE"})",
        R"({"alg":"none\u0000"})",
        R"({"alg":""})",
        R"({"alg":null})",
        R"({"alg":true})",
        R"({"alg":256})",
        R"({"alg":["%"]})",
        R"({"alg":{"%":1}})",
        R"({"alg":" %"})",
        R"({"alg":"% "})",
        R"({"alg":"%\u0000"})",
        R"({"alg":"%\n"})",
        R"({"alg":"%,none"})",
        R"({"alg":"hs256"})",
        R"({"alg":"rs256"})",
        R"({"alg":"eddsa"})",
        R"({"alg":"HS384"})",
        R"({"alg":"HS512"})",
        R"({"alg":"RS384"})",
        R"({"alg":"RS512"})",
        R"({"alg":"PS256"})",
        R"({"alg":"PS512"})",
        R"({"alg":"ES256K"})",
        R"({"alg":"ES384"})",
        R"({"alg":"ES512"})",
        R"({"alg":"Ed25519"})",
        R"({"alg":"Ed448"})",
        R"({"alg":"RSA-OAEP","enc":"A256GCM"})",
        R"({"alg":"dir","enc":"A256GCM"})",
        R"({"alg":"dir","enc":"A256CBC-HS512"})",
        R"({"alg":"PBES2-HS256+A128KW","p2c":2147483647,"p2s":"AA"})",
        R"({"alg":"%","alg":"%"})",
        R"({"alg":"none","alg":"%"})",
        R"({"alg":"%","alg":"none"})",
        R"({"alg":"%","\u0061lg":"none"})",
        R"({"alg":"%","x":1,"x":1})",
        R"({"alg":"%","kid":"a","kid":"b"})",
        R"({"alg":"%","x":{"y":1,"y":2}})",
        R"({"Alg":"%"})",
        R"({"ALG":"%"})",
        R"({"alg ":"%"})",
        R"({"typ":"JWT"})",
        R"({"enc":"%"})",
        R"({})",
        R"([])",
        R"(["alg","%"])",
        R"([{"alg":"%"}])",
        R"("%")",
        R"(null)",
        R"(1)",
        R"({"alg":"%"}x)",
        R"({"alg":"%"} {})",
        R"({"alg":"%",})",
        R"({,"alg":"%"})",
        R"({'alg':'%'})",
        R"({alg:"%"})",
        R"({"alg":"%")",
        R"("alg":"%")",
        R"({"alg":"%"/**/})",
        R"({"alg":"%","x":01})",
        R"({"alg":"%","x":1e999})",
        R"({"alg":"%","x":"\ud800"})",
        "\xEF\xBB\xBF{\"alg\":\"%\"}",
        "{\"alg\":\"%\",\"x\":\"\xC0\x80\"}",
        "{\"alg\":\"%\",\"x\":\"\xED\xA0\x80\"}",
        "{\"alg\":\"%\",\"x\":\"\t\"}",
        R"({"alg":"%","crit":["b64"],"b64":false})",
        R"({"alg":"%","crit":["exp"]})",
        R"({"alg":"%","crit":["http://evil/"],"http://evil/":1})",
        R"({"alg":"%","crit":[]})",
        R"({"alg":"%","crit":null})",
        R"({"alg":"%","crit":"b64"})",
        R"({"alg":"%","typ":"logout+jwt"})",
        R"({"alg":"%","typ":"dpop+jwt"})",
        R"({"alg":"%","typ":"secevent+jwt"})",
        R"({"alg":"%","typ":"JOSE"})",
        R"({"alg":"%","typ":"JWE"})",
        R"({"alg":"%","typ":""})",
        R"({"alg":"%","typ":1})",
        R"({"alg":"%","typ":null})",
        R"({"alg":"%","typ":["JWT"]})",
    };
    for (const char* header : kBad) {
        const std::string text = named(header, signer.algorithm);
        table->push_back({"header " + text, sealedBy(signer, joined(text, kPayload))});
    }
    for (const size_t depth : {17, 100, 2000}) {
        const std::string deep = named(R"({"alg":"%","x":)", signer.algorithm) +
                                 repeat("[", depth) + repeat("]", depth) + '}';
        table->push_back({"a header of depth " + std::to_string(depth),
                          sealedBy(signer, joined(deep, kPayload))});
    }
}

// --- Payloads, signed by the honest key

void addPayloads(const Signer& signer, Table* table) {
    constexpr const char* kBad[] = {
        R"({})",
        R"([])",
        R"("u1")",
        R"(null)",
        R"(true)",
        R"(1700000100)",
        R"([{"sub":"u1","exp":1700000100}])",
        R"({"sub":"u1"})",
        R"({"exp":1700000100})",
        R"({"Sub":"u1","exp":1700000100})",
        R"({"sub":"u1","Exp":1700000100})",
        R"({"sub":"u1","exp":null})",
        R"({"sub":"u1","exp":"1700000100"})",
        R"({"sub":"u1","exp":true})",
        R"({"sub":"u1","exp":[1700000100]})",
        R"({"sub":"u1","exp":{"a":1700000100}})",
        R"({"sub":"u1","exp":-1})",
        R"({"sub":"u1","exp":-1700000100})",
        R"({"sub":"u1","exp":-0})",
        R"({"sub":"u1","exp":0})",
        R"({"sub":"u1","exp":1e15000})",
        R"({"sub":"u1","exp":1e308})",
        R"({"sub":"u1","exp":1e300})",
        R"({"sub":"u1","exp":-1e999})",
        R"({"sub":"u1","exp":Infinity})",
        R"({"sub":"u1","exp":NaN})",
        R"({"sub":"u1","exp":0x7fffffff})",
        R"({"sub":"u1","exp":+1700000100})",
        R"({"sub":"u1","exp":01700000100})",
        R"({"sub":"u1","exp":1700000100.})",
        R"({"sub":"u1","exp":1_700_000_100})",
        R"({"sub":"u1","exp":9007199254740993000})",
        R"({"sub":"u1","exp":18446744073709551615})",
        R"({"sub":"u1","exp":18446744073709551616})",
        R"({"sub":"u1","exp":340282366920938463463374607431768211456})",
        R"({"sub":"u1","exp":1699999999})",
        R"({"sub":"u1","exp":1700000000})",
        R"({"sub":"u1","exp":1700000000.9})",
        R"({"sub":"u1","exp":1.7e9})",
        R"({"sub":"u1","exp":1700000100e-9})",
        R"({"sub":"u1","exp":1700000100,"exp":1700000100})",
        R"({"sub":"u1","exp":1,"exp":1700000100})",
        R"({"sub":"u1","exp":1,"e\u0078p":1700000100})",
        R"({"sub":"u1","sub":"u2","exp":1700000100})",
        R"({"sub":"u1","s\u0075b":"u2","exp":1700000100})",
        R"({"sub":"u1","exp":1700000100,"role":"a","role":"b"})",
        R"({"sub":"u1","exp":1700000100,"x":{"y":1,"y":2}})",
        R"({"sub":"","exp":1700000100})",
        R"({"sub":" ","exp":1700000100})",
        R"({"sub":" u1","exp":1700000100})",
        R"({"sub":"u1 ","exp":1700000100})",
        R"({"sub":"\ufeffu1","exp":1700000100})",
        R"({"sub":"u1\n","exp":1700000100})",
        R"({"sub":"u\r\n1","exp":1700000100})",
        R"({"sub":"u\u0000","exp":1700000100})",
        R"({"sub":"u\u007f","exp":1700000100})",
        R"({"sub":"\ud800","exp":1700000100})",
        R"({"sub":"\udc00\ud800","exp":1700000100})",
        R"({"sub":null,"exp":1700000100})",
        R"({"sub":true,"exp":1700000100})",
        R"({"sub":-1,"exp":1700000100})",
        R"({"sub":1.5,"exp":1700000100})",
        R"({"sub":1e3,"exp":1700000100})",
        R"({"sub":9007199254740993,"exp":1700000100})",
        R"({"sub":"team:sales","exp":1700000100})",
        R"({"sub":"team:","exp":1700000100})",
        R"({"sub":["u1"],"exp":1700000100})",
        R"({"sub":{"id":"u1"},"exp":1700000100})",
        R"({"sub":"u1","exp":1700000100,"nbf":1700000001})",
        R"({"sub":"u1","exp":1700000100,"nbf":1700000000.1})",
        R"({"sub":"u1","exp":1700000100,"nbf":1e300})",
        R"({"sub":"u1","exp":1700000100,"nbf":-1})",
        R"({"sub":"u1","exp":1700000100,"nbf":"1"})",
        R"({"sub":"u1","exp":1700000100,"nbf":null})",
        R"({"sub":"u1","exp":1700000100,"nbf":[]})",
        R"({"sub":"u1","exp":1700000100,"iat":"1"})",
        R"({"sub":"u1","exp":1700000100,"iat":-1})",
        R"({"sub":"u1","exp":1700000100,"iat":1e300})",
        R"({"sub":"u1","exp":1700000100,"iat":null})",
        R"({"sub":"u1","exp":1700000100,"role":1})",
        R"({"sub":"u1","exp":1700000100,"role":["admin"]})",
        R"({"sub":"u1","exp":1700000100,"role":{"admin":true}})",
        R"({"sub":"u1","exp":1700000100,"role":" admin"})",
        R"({"sub":"u1","exp":1700000100,"role":"a\nb"})",
        R"({"sub":"u1","exp":1700000100,"name":1})",
        R"({"sub":"u1","exp":1700000100,"name":{"a":1}})",
        R"({"sub":"u1","exp":1700000100,"name":"a\u0007b"})",
        R"({"sub":"u1","exp":1700000100,"sid":true})",
        R"({"sub":"u1","exp":1700000100,"sid":""})",
        R"({"sub":"u1","exp":1700000100,"sid":["a"]})",
        R"({"sub":"u1","exp":1700000100,"sid":"a\nb"})",
        R"({"sub":"u1","exp":1700000100}{})",
        R"({"sub":"u1","exp":1700000100},)",
        R"({"sub":"u1","exp":1700000100)",
        R"({"sub":"u1" "exp":1700000100})",
        "{\"sub\":\"u1\",\"exp\":1700000100}\x01",
        "{\"sub\":\"\xFF\",\"exp\":1700000100}",
        "{\"sub\":\"u\xC1\x81\",\"exp\":1700000100}",
        "\xFF\xFE{\"sub\":\"u1\",\"exp\":1700000100}",
    };
    const std::string header = named(R"({"alg":"%"})", signer.algorithm);
    const auto add = [&](const std::string& what, std::string_view payload) {
        table->push_back(
            {"payload " + what, sealedBy(signer, joined(header, payload))});
    };
    for (const char* payload : kBad) {
        add(payload, payload);
    }
    const std::string end = R"(","exp":1700000100})";
    add("a long sub", R"({"sub":")" + repeat("x", 129) + end);
    add("a long role", R"({"sub":"u1","role":")" + repeat("x", 129) + end);
    add("a long name", R"({"sub":"u1","name":")" + repeat("x", 129) + end);
    add("a long sid", R"({"sub":"u1","sid":")" + repeat("x", 129) + end);
    add("NUL after", std::string(kPayload) + '\0');
    std::string keys;
    for (int i = 0; i < 300; ++i) {
        keys += ",\"k" + std::to_string(i) + "\":1";
    }
    add("300 claims", R"({"sub":"u1","exp":1700000100)" + keys + '}');
    for (const size_t depth : {16, 500, 2500}) {
        add("of depth " + std::to_string(depth),
            R"({"sub":"u1","exp":1700000100,"x":)" + repeat("[", depth) +
                repeat("]", depth) + '}');
    }
}

// --- Bytes

// The same bytes in other letters: the last of 64 or 256 bytes has four bits to spare,
// that of 32 two.
std::string withSpareBit(std::string token) {
    ++token.back();
    return token;
}

void addBytes(const Signer& signer, Table* table) {
    const std::string header = base64url(named(R"({"alg":"%"})", signer.algorithm));
    const std::string payload = base64url(kPayload);
    const std::string good = sealedBy(signer, header + '.' + payload);
    const size_t first = good.find('.');
    const size_t second = good.find('.', first + 1);
    const std::string signature = good.substr(second + 1);
    const auto insert = [&good](size_t at, std::string_view what) {
        return std::string(good).insert(at, what);
    };
    const auto resealed = [&signer](const std::string& part) {
        return sealedBy(signer, part);
    };
    const std::pair<const char*, std::string> kBad[] = {
        {"one part", header},
        {"two parts", header + '.' + payload},
        {"no signature", header + '.' + payload + '.'},
        {"no payload", header + ".." + signature},
        {"no header", '.' + payload + '.' + signature},
        {"an empty payload, signed", resealed(header + '.')},
        {"an empty header, signed", resealed('.' + payload)},
        {"four parts", good + ".x"},
        {"four parts, signed", resealed(header + '.' + payload + ".AA")},
        {"five parts (JWE)", header + ".AA.AA.AA.AA"},
        {"trailing dot", good + '.'},
        {"leading dot", '.' + good},
        {"padding", good + '='},
        {"padding in header", resealed(header + "=." + payload)},
        {"padding and more in payload", resealed(header + '.' + payload + "=AAA")},
        {"a letter and padding only", resealed("A===." + payload)},
        {"a letter and padding as signature", header + '.' + payload + ".A==="},
        {"length 1 mod 4", resealed("AAAAA." + payload)},
        {"plus", resealed(header + '.' + payload.substr(0, payload.size() - 1) + '+')},
        {"slash", resealed(header + '.' + payload.substr(0, payload.size() - 1) + '/')},
        {"space inside", insert(5, " ")},
        {"space before", ' ' + good},
        {"space after", good + ' '},
        {"newline after", good + '\n'},
        {"newline in payload", insert(first + 9, "\n")},
        {"CR LF in payload, signed", resealed(header + '.' + payload + "\r\n")},
        {"tab in signature", insert(second + 9, "\t")},
        {"NUL after", good + std::string(1, '\0')},
        {"NUL in payload", insert(first + 8, std::string_view("\0", 1))},
        {"high byte", insert(first + 8, "\xFF")},
        {"UTF-8", insert(first + 8, "é")},
        {"percent", insert(first + 8, "%2E")},
        {"quotes", '"' + good + '"'},
        {"Bearer", "Bearer " + good},
        {"two tokens", good + ',' + good},
        {"two tokens, one behind the other", good + good},
        {"JSON serialization", R"({"payload":")" + payload + R"(","protected":")" +
                                   header + R"(","signature":")" + signature + "\"}"},
        {"the first half", good.substr(0, good.size() / 2)},
        {"without its last letter", good.substr(0, good.size() - 1)},
        {"without its last four", good.substr(0, good.size() - 4)},
        {"without its first letter", good.substr(1)},
        {"a spare bit in its signature", withSpareBit(good)},
        {"parts in another order", payload + '.' + header + '.' + signature},
        {"in capitals", [&good] {
             std::string text = good;
             for (char& letter : text) {
                 letter = static_cast<char>(toupper(letter));
             }
             return text;
         }()},
        {"too long", resealed(joined(named(R"({"alg":"%"})", signer.algorithm),
                                     R"({"sub":"u1","exp":1700000100,"x":")" +
                                         repeat("y", 8192) + "\"}"))},
    };
    for (const auto& [what, token] : kBad) {
        table->push_back({what, token});
    }
}

// --- Signatures: a good token but for this

void addSignatures(const Signer& signer, const std::vector<Signer>& strangers,
                   Table* table) {
    const std::string header = named(R"({"alg":"%"})", signer.algorithm);
    const std::string part = joined(header, kPayload);
    const std::string good = signer.sign(part);
    const auto add = [&](const std::string& what, const std::string& signature) {
        table->push_back({"signature: " + what, part + '.' + base64url(signature)});
    };
    for (const size_t at : {size_t{0}, good.size() / 2, good.size() - 1}) {
        std::string flipped = good;
        flipped[at] = static_cast<char>(flipped[at] ^ 1);
        add("a bit of byte " + std::to_string(at), flipped);
    }
    add("a byte", good.substr(0, 1));
    add("a byte less", good.substr(0, good.size() - 1));
    add("without its first byte", good.substr(1));
    add("a byte more", good + '\0');
    add("a zero before", '\0' + good);
    add("twice", good + good);
    add("half", good.substr(0, good.size() / 2));
    add("zeros", std::string(good.size(), '\0'));
    add("ones", std::string(good.size(), '\xFF'));
    add("the number 1", std::string(good.size() - 1, '\0') + '\x01');
    add("halves swapped",
        good.substr(good.size() / 2) + good.substr(0, good.size() / 2));
    add("the first half zero",
        std::string(good.size() / 2, '\0') + good.substr(good.size() / 2));
    add("the second half zero", good.substr(0, good.size() / 2) +
                                    std::string(good.size() - good.size() / 2, '\0'));
    add("in letters", base64url(good));
    add("of the payload alone", signer.sign(base64url(kPayload)));
    add("of the header alone", signer.sign(base64url(header)));
    add("of what is written in it", signer.sign(header + '.' + std::string(kPayload)));
    add("of another token", signer.sign(joined(header, R"({"sub":"u2","exp":1})")));
    add("of nothing", signer.sign(""));
    add("an HMAC by what everybody knows", hmac(signer.published, part));
    add("an HMAC by nothing", hmac(std::string(1, '\0'), part));
    for (const char* other : {"none", "HS256", "RS256", "ES256", "EdDSA"}) {
        if (other != signer.algorithm) {
            const std::string swapped =
                joined(named(R"({"alg":"%"})", other), kPayload);
            table->push_back(
                {std::string("confused with ") + other,
                 swapped + '.' + base64url(hmac(signer.published, swapped))});
        }
    }
    table->push_back(
        {"none and no signature", joined(R"({"alg":"none"})", kPayload) + '.'});
    // A stranger's key, which the token brings or names.
    for (const Signer& stranger : strangers) {
        for (const char* brings : {
                 R"({"alg":"%"})",
                 R"({"alg":"%","jku":"http://127.0.0.1/jwks.json"})",
                 R"({"alg":"%","x5u":"file:///etc/messaging/site.key"})",
                 R"({"alg":"%","jwk":{"kty":"oct","k":"YWJjZGVmZ2hpamtsbW5vcA"}})",
                 R"({"alg":"%","x5c":["MIIB"]})",
                 R"({"alg":"%","kid":"../../../../dev/null"})",
                 R"({"alg":"%","kid":"' OR '1'='1"})",
                 R"({"alg":"%","kid":{"$ne":null}})",
             }) {
            const std::string signedPart =
                joined(named(brings, signer.algorithm), kPayload);
            table->push_back({stranger.algorithm + " of a stranger: " + brings,
                              sealedBy(stranger, signedPart)});
        }
    }
}

Sign derSigner(EVP_PKEY* raw) {
    const std::shared_ptr<EVP_PKEY> pair(raw, EVP_PKEY_free);
    return [pair](std::string_view part) { return signBy(pair.get(), part); };
}

// Keys of the same kinds, of the curves beside, too small, and of a guess.
std::vector<Signer> makeStrangers() {
    std::vector<Signer> all = makeSigners();
    all.erase(all.begin());
    const std::string guess = "secretsecretsecretsecretsecretse";
    all.push_back({"a guess", {}, "", [guess](std::string_view part) {
                       return hmac(guess, part);
                   }});
    const std::pair<const char*, EVP_PKEY*> kOthers[] = {
        {"P-384", EVP_EC_gen("P-384")},
        {"secp256k1", EVP_EC_gen("secp256k1")},
        {"Ed448", EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448")},
        {"RSA of 1024 bits", EVP_RSA_gen(1024)},
    };
    for (const auto& [name, key] : kOthers) {
        all.push_back({name, {}, "", derSigner(key)});
    }
    return all;
}

START_TEST(letsNothingHostilePass) {
    const std::vector<Signer> signers = makeSigners();
    const std::vector<Signer> strangers = makeStrangers();
    for (const Signer& signer : signers) {
        const std::string honest =
            joined(named(R"({"alg":"%"})", signer.algorithm), kPayload);
        accepted(signer.key, sealedBy(signer, honest), signer.algorithm.c_str());
        Table table;
        addHeaders(signer, &table);
        addPayloads(signer, &table);
        addBytes(signer, &table);
        addSignatures(signer, strangers, &table);
        std::set<std::string> distinct;
        core::TokenCache cache(16);
        for (const Row& row : table) {
            distinct.insert(row.token);
            for (const Signer& other : signers) {
                refused(other.key, row.token, row.what.c_str());
                ck_assert_msg(!cache.verify(other.key, row.token, kNow).ok(), "%s",
                              row.what.c_str());
            }
        }
        ck_assert_msg(distinct.size() >= kLeast, "%zu hostile tokens for %s",
                      distinct.size(), signer.algorithm.c_str());
        ck_assert(cache.size() == 0);
    }
}

}  // namespace

Suite* token_hostileSuite() {
    return suiteOf("hostile tokens", {letsNothingHostilePass});
}

}  // namespace messaging::unit
