// Tests for origins: each header alone, each over the next, and hosts that look alike.
#include "ngx_module/core/origin.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using core::isJson;
using core::parseOrigin;
using core::Provenance;
using core::sameOrigin;

START_TEST(secFetchSiteDecides) {
    Provenance request;
    request.host = "shop.example";
    request.scheme = "https";
    for (const char* site : {"same-origin", "none"}) {
        request.secFetchSite = site;
        request.origin = "https://evil.example";
        EXPECT_FOR(sameOrigin(request), site);
    }
    for (const char* site : {"cross-site", "same-site", "Same-Origin", "same-origin ",
                             "same-origin, none", "x"}) {
        request.secFetchSite = site;
        request.origin = "https://shop.example";
        request.contentType = "application/json";
        EXPECT_FOR(!sameOrigin(request), site);
    }
}

START_TEST(originMustNameTheHost) {
    const struct {
        const char* origin;
        const char* host;
        const char* scheme;
        bool same;
    } kRows[] = {
        {"https://shop.example", "shop.example", "https", true},
        {"https://SHOP.example", "shop.EXAMPLE", "https", true},
        {"HTTPS://shop.example", "shop.example", "https", true},
        {"https://shop.example", "shop.example:443", "https", true},
        {"https://shop.example:443", "shop.example", "https", true},
        {"http://shop.example", "shop.example:80", "http", true},
        {"http://localhost:8080", "localhost:8080", "http", true},
        {"http://127.0.0.1:8080", "127.0.0.1:8080", "http", true},
        {"http://[::1]:8080", "[::1]:8080", "http", true},
        {"http://[::1]", "[::1]:80", "http", true},
        {"https://shop.example", "shop.example", "http",
         true},  // TLS ends before nginx
        {"https://shop.example", "shop.example:443", "http", true},
        {"http://shop.example", "shop.example", "https", false},
        {"http://shop.example:443", "shop.example:443", "https", false},
        {"https://shop.example:80", "shop.example", "https", false},
        {"https://shop.example:8443", "shop.example", "https", false},
        {"https://shop.example", "shop.example:8443", "https", false},
        {"http://shop.example:8080", "shop.example:8081", "http", false},
        {"https://evil.example", "shop.example", "https", false},
        {"https://shop.example.evil", "shop.example", "https", false},
        {"https://evil-shop.example", "shop.example", "https", false},
        {"https://sub.shop.example", "shop.example", "https", false},
        {"https://shop.example@evil", "shop.example", "https", false},
        {"https://user@shop.example", "shop.example", "https", false},
        {"https://shop.example/", "shop.example", "https", false},
        {"https://shop.example https://evil", "shop.example", "https", false},
        {"https://shop.example.", "shop.example", "https", false},
        {"null", "shop.example", "https", false},
        {"null", "null", "https", false},
        {"NULL", "", "https", false},
        {"shop.example", "shop.example", "https", false},
        {"://shop.example", "shop.example", "https", false},
        {"ftp://shop.example", "shop.example", "http", false},
        {"file://", "", "http", false},
        {"https://", "", "https", false},
        {"https://:443", "", "https", false},
        {"http://[::1]", "[::]:1", "http", false},
        {"http://::80", "::", "http", false},
        {"chrome-extension://shop.example", "shop.example", "https", false},
    };
    for (const auto& row : kRows) {
        Provenance request;
        request.origin = row.origin;
        request.host = row.host;
        request.scheme = row.scheme;
        request.contentType = "application/json";
        EXPECT_FOR(sameOrigin(request) == row.same,
                   std::string(row.origin) + " at " + row.host);
    }
}

START_TEST(onlyJsonWithoutEither) {
    Provenance request;
    request.host = "shop.example";
    request.scheme = "https";
    ck_assert(!sameOrigin(request));
    request.contentType = "text/plain";
    ck_assert(!sameOrigin(request));
    request.contentType = "application/json; charset=utf-8";
    ck_assert(sameOrigin(request));
}

START_TEST(knowsJson) {
    for (const char* type :
         {"application/json", "Application/JSON", "application/json;charset=utf-8",
          "application/json ; charset=utf-8", " application/json",
          "application/json;"}) {
        EXPECT_FOR(isJson(type), type);
    }
    for (const char* type :
         {"", ";", "text/plain", "text/plain; application/json", "application/jsonx",
          "application/ld+json", "application/json, text/plain", "application/*",
          "application/x-www-form-urlencoded", "multipart/form-data", "json"}) {
        EXPECT_FOR(!isJson(type), type);
    }
}

START_TEST(listedIsAsGoodAsOwn) {
    Provenance request;
    request.secFetchSite = "cross-site";
    request.origin = "https://app.example";
    request.host = "shop.example";
    request.scheme = "https";
    request.contentType = "text/plain";
    ck_assert(!sameOrigin(request));
    request.listed = true;
    ck_assert(sameOrigin(request));
}

START_TEST(parsesOrigins) {
    const struct {
        const char* text;
        const char* origin;
    } kRows[] = {
        {"https://app.example", "https://app.example"},
        {"HTTPS://App.Example", "https://app.example"},
        {"https://app.example:443", "https://app.example"},
        {"https://app.example:0443", "https://app.example"},
        {"https://app.example:8443", "https://app.example:8443"},
        {"http://app.example:80", "http://app.example"},
        {"http://app.example:443", "http://app.example:443"},
        {"http://localhost:3000", "http://localhost:3000"},
        {"http://127.0.0.1:3000", "http://127.0.0.1:3000"},
        {"http://[::1]", "http://[::1]"},
        {"http://[::1]:80", "http://[::1]"},
        {"http://[::1]:3000", "http://[::1]:3000"},
        {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example"},
        {"capacitor://localhost", "capacitor://localhost"},
        {"chrome-extension://abcdef", "chrome-extension://abcdef"},
    };
    for (const auto& row : kRows) {
        auto origin = parseOrigin(row.text);
        EXPECT_FOR(origin.ok(), row.text);
        EXPECT_TEXT(origin.value(), row.origin);
    }
    for (const char* text : {"",
                             "*",
                             "null",
                             "app.example",
                             "//app.example",
                             "://app.example",
                             "https://",
                             "https:///",
                             "https:app.example",
                             "https://app.example/",
                             "https://app.example/x",
                             "https://*",
                             "https://*.example",
                             "https://user@app.example",
                             "https://app.example?x",
                             "https://app.example#x",
                             "https://app.example:",
                             "https://app.example:0",
                             "https://app.example:65536",
                             "https://app.example:x",
                             "https://app.example:-1",
                             "https://:443",
                             "https://[]",
                             "https://[::1",
                             "https://::1",
                             "https://[x]",
                             "https://a b",
                             "https://.example",
                             "https://b\xC3\xBC"
                             "cher.example",
                             "https://a,b",
                             "https://a:1:2",
                             "1ttp://a",
                             "ht tp://a",
                             "https://a\r\nX: y"}) {
        EXPECT_FOR(!parseOrigin(text).ok(), text);
    }
    ck_assert(!parseOrigin("https://" + repeat("x", 254)).ok());
    ck_assert(!parseOrigin(std::string_view("https://a\0b", 11)).ok());
}

}  // namespace

Suite* originSuite() {
    return suiteOf("origin",
                   {secFetchSiteDecides, originMustNameTheHost, onlyJsonWithoutEither,
                    knowsJson, listedIsAsGoodAsOwn, parsesOrigins});
}

}  // namespace messaging::unit
