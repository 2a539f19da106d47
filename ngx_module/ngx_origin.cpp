// Other origins that a site allows to call the API from its pages (CORS): an exact
// list. What a browser has to be told stands on every answer of the location, and a
// preflight is answered here.
//
// Before nginx asks who somebody is: a preflight carries no credentials, and a refusal
// by auth_request must be readable for the page too.
#include "ngx_module/ngx_messaging.hpp"

#include <algorithm>

namespace messaging {
namespace {

// Of requests, beside what every page may send; of answers, beside what every page may
// read.
constexpr std::string_view kAllowedHeaders =
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, "
    "Messaging-User";
constexpr std::string_view kExposedHeaders =
    "Allow, Content-Language, ETag, Retry-After, WWW-Authenticate";

// Seconds for which a browser keeps the answer to a preflight. An origin that is taken
// from the list is refused at once all the same: what a page may read is said by each
// answer anew.
constexpr std::string_view kMaxAge = "3600";

bool listed(const LocConf& conf, std::string_view origin) {
    return std::find(conf.origins->begin(), conf.origins->end(), origin) !=
           conf.origins->end();
}

bool addAll(
    ngx_http_request_t* r,
    std::initializer_list<std::pair<std::string_view, std::string_view>> headers) {
    return std::all_of(headers.begin(), headers.end(), [r](const auto& header) {
        return addHeader(r, header.first, header.second) == NGX_OK;
    });
}

ngx_int_t tell(ngx_http_request_t* r, const LocConf& conf, RequestContext* own) {
    bool many = false;
    const std::string_view origin = requestHeader(r, "Origin", &many).value_or("");
    own->vary = "Origin";
    if (addHeader(r, "Vary", own->vary) != NGX_OK) {
        return NGX_ERROR;
    }
    if (many || !listed(conf, origin)) {
        return NGX_OK;
    }
    own->originListed = true;
    return addAll(r, {{"Access-Control-Allow-Origin", origin},
                      {"Access-Control-Allow-Credentials", "true"},
                      {"Access-Control-Expose-Headers", kExposedHeaders}})
               ? NGX_OK
               : NGX_ERROR;
}

bool isPreflight(ngx_http_request_t* r) {
    bool many = false;
    return r->method == NGX_HTTP_OPTIONS &&
           requestHeader(r, "Access-Control-Request-Method", &many).has_value();
}

ngx_int_t answerPreflight(ngx_http_request_t* r, const LocConf* conf) {
    const core::Question asked = questionOf(r, conf, core::Method::Other);
    if (asked.match == core::Route::Match::NoPath) {
        return respondProblem(r, Code::NotFound);
    }
    return addAll(r, {{"Access-Control-Allow-Methods", asked.allow},
                      {"Access-Control-Allow-Headers", kAllowedHeaders},
                      {"Access-Control-Max-Age", kMaxAge}})
               ? respondNothing(r)
               : NGX_ERROR;
}

}  // namespace

ngx_int_t handleOrigin(ngx_http_request_t* r) {
    const LocConf* conf = locConf(r);
    if (!conf->enabled || conf->origins == nullptr || conf->origins->empty() ||
        r != r->main) {
        return NGX_DECLINED;
    }
    return guard(r->connection->log, ngx_int_t{NGX_ERROR}, [r, conf]() -> ngx_int_t {
        RequestContext* own = context(r);
        if (own == nullptr) {
            return NGX_ERROR;
        }
        // Phases are run again after a rewrite.
        if (own->vary == nullptr && tell(r, *conf, own) != NGX_OK) {
            return NGX_ERROR;
        }
        if (!own->originListed || !isPreflight(r)) {
            return NGX_DECLINED;
        }
        ngx_http_finalize_request(r, answerPreflight(r, conf));
        return NGX_DONE;
    });
}

}  // namespace messaging
