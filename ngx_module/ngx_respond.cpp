// Whole answers: one header, one buffer. They are sent from here and never returned to
// nginx as a status, because nginx would then put the site's error_page in the place of
// the API's words.
#include "ngx_module/ngx_messaging.hpp"

#include "ngx_module/core/badge.hpp"
#include "schema/problem.hpp"

namespace messaging {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kProblem = "application/problem+json";
constexpr std::string_view kNeverStore = "private, no-store";

// Static text: it outlives every request.
ngx_table_elt_t* pushHeader(ngx_http_request_t* r, std::string_view name,
                            std::string_view value) {
    auto* header =
        static_cast<ngx_table_elt_t*>(ngx_list_push(&r->headers_out.headers));
    if (header != nullptr) {
        header->hash = 1;
        header->key = ngxString(name);
        header->value = ngxString(value);
        header->lowcase_key = nullptr;
#if (nginx_version >= 1023000)
        header->next = nullptr;
#endif
    }
    return header;
}

ngx_int_t setHeader(ngx_http_request_t* r, int status, std::string_view type,
                    size_t length) {
    r->headers_out.status = static_cast<ngx_uint_t>(status);
    r->headers_out.status_line.len = 0;
    r->headers_out.content_type = ngxString(type);
    r->headers_out.content_type_len = type.size();
    r->headers_out.content_type_lowcase = nullptr;
    r->headers_out.content_length_n =
        status == NGX_HTTP_NOT_MODIFIED || status == NGX_HTTP_NO_CONTENT
            ? -1
            : static_cast<off_t>(length);
    if (pushHeader(r, "Cache-Control", kNeverStore) == nullptr ||
        pushHeader(r, "X-Content-Type-Options", "nosniff") == nullptr) {
        return NGX_ERROR;
    }
    return ngx_http_send_header(r);
}

ngx_int_t sendBody(ngx_http_request_t* r, std::string_view body) {
    ngx_buf_t* buffer = ngx_create_temp_buf(r->pool, body.size());
    if (buffer == nullptr) {
        return NGX_ERROR;
    }
    buffer->last = ngx_cpymem(buffer->last, body.data(), body.size());
    buffer->last_buf = 1;
    buffer->last_in_chain = 1;
    ngx_chain_t chain = {buffer, nullptr};
    return ngx_http_output_filter(r, &chain);
}

ngx_int_t send(ngx_http_request_t* r, int status, std::string_view type,
               std::string_view body, const char* code) {
    if (RequestContext* own = context(r)) {
        own->answered = ngx_current_msec;
        own->code = code;
    }
    // What the client still sends must not be taken for its next request.
    ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }
    rc = setHeader(r, status, type, body.size());
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }
    return sendBody(r, body);
}

// To what all answers of the request vary by already.
bool addVary(ngx_http_request_t* r, std::string_view header) {
    const RequestContext* own = existingContext(r);
    if (own == nullptr || own->vary == nullptr) {
        return pushHeader(r, "Vary", header) != nullptr;
    }
    for (ngx_list_part_t* part = &r->headers_out.headers.part; part != nullptr;
         part = part->next) {
        auto* headers = static_cast<ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (view(headers[i].key) == "Vary" && view(headers[i].value) == own->vary) {
                const ngx_str_t both = copyToPool(
                    r->pool, std::string(own->vary) + ", " + std::string(header));
                headers[i].value = both;
                return both.data != nullptr;
            }
        }
    }
    return false;
}

// In which language a refusal is, and the headers that say so. Of several
// Accept-Language the last one counts.
const Language* setLanguageOf(ngx_http_request_t* r) {
    const LocConf* conf = locConf(r);
    const Language* language = conf->language;
    if (conf->negotiated) {
        bool many = false;
        language =
            &preferredLanguage(requestHeader(r, "Accept-Language", &many).value_or(""));
        if (!addVary(r, "Accept-Language")) {
            return nullptr;
        }
    }
    return pushHeader(r, "Content-Language", language->tag) == nullptr ? nullptr
                                                                       : language;
}

}  // namespace

ngx_int_t respond(ngx_http_request_t* r, int status, std::string_view json) {
    // nginx would judge If-Match and the like, without a tag to compare.
    r->disable_not_modified = 1;
    return send(r, status, kJson, json, "ok");
}

ngx_int_t respondNothing(ngx_http_request_t* r) {
    r->disable_not_modified = 1;
    return send(r, NGX_HTTP_NO_CONTENT, {}, {}, "ok");
}

ngx_int_t respondTagged(ngx_http_request_t* r, std::string_view json,
                        std::string_view etag) {
    ngx_str_t value = copyToPool(r->pool, etag);
    if (value.data == nullptr) {
        return NGX_ERROR;
    }
    r->headers_out.etag = pushHeader(r, "ETag", view(value));
    if (r->headers_out.etag == nullptr) {
        return NGX_ERROR;
    }
    r->disable_not_modified = 1;
    const ngx_table_elt_t* condition = r->headers_in.if_none_match;
    if (condition != nullptr && core::matches(view(condition->value), etag)) {
        return send(r, NGX_HTTP_NOT_MODIFIED, {}, {}, "ok");
    }
    return send(r, NGX_HTTP_OK, kJson, json, "ok");
}

ngx_int_t respondProblem(ngx_http_request_t* r, Code code, std::string_view field,
                         uint64_t retryAfter) {
    const ProblemKind& kind = problemKind(code);
    if (retryAfter == 0) {
        retryAfter = static_cast<uint64_t>(kind.retryAfter);
    }
    const Language* language = setLanguageOf(r);
    if (language == nullptr) {
        return NGX_ERROR;
    }
    r->disable_not_modified = 1;
    if (retryAfter > 0 &&
        addHeader(r, "Retry-After", std::to_string(retryAfter)) != NGX_OK) {
        return NGX_ERROR;
    }
    if (code == Code::Unauthenticated) {
        r->headers_out.www_authenticate = pushHeader(r, "WWW-Authenticate", "Bearer");
        if (r->headers_out.www_authenticate == nullptr) {
            return NGX_ERROR;
        }
    }
    const std::string body = problemBody(code, field, *language);
    const LocConf* conf = locConf(r);
    if (conf->profile != nullptr) {
        const auto own =
            conf->profile->failure(static_cast<unsigned>(kind.status), body);
        if (own) {
            return send(r, kind.status, kJson, *own, kind.name.data());
        }
    }
    return send(r, kind.status, kProblem, body, kind.name.data());
}

ngx_int_t respondFailure(ngx_http_request_t* r, const Status& failure) {
    const ProblemKind& kind = problemKind(failure.code());
    const bool ours = kind.status >= NGX_HTTP_INTERNAL_SERVER_ERROR;
    const bool access =
        kind.status == NGX_HTTP_UNAUTHORIZED || kind.status == NGX_HTTP_FORBIDDEN;
    if (!failure.detail().empty() && (ours || access)) {
        ngx_log_error(static_cast<ngx_uint_t>(ours ? NGX_LOG_WARN : NGX_LOG_INFO),
                      r->connection->log, 0, "messaging: %s: %s", kind.name.data(),
                      failure.detail().c_str());
    }
    return respondProblem(r, failure.code(), failure.field());
}

ngx_int_t addHeader(ngx_http_request_t* r, std::string_view name,
                    std::string_view value) {
    const ngx_str_t copy = copyToPool(r->pool, value);
    return copy.data != nullptr && pushHeader(r, name, view(copy)) != nullptr
               ? NGX_OK
               : NGX_ERROR;
}

std::optional<std::string_view> requestHeader(ngx_http_request_t* r,
                                              std::string_view name, bool* many) {
    std::optional<std::string_view> found;
    *many = false;
    for (ngx_list_part_t* part = &r->headers_in.headers.part; part != nullptr;
         part = part->next) {
        const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (headers[i].key.len == name.size() &&
                ngx_strncasecmp(headers[i].key.data, ngxString(name).data,
                                name.size()) == 0) {
                *many = found.has_value();
                found = view(headers[i].value);
            }
        }
    }
    return found;
}

}  // namespace messaging
