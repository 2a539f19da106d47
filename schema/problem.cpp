// The table of all refusals. Its sentences are for the people who use the site; what an
// operator wants to know stands in the log.
#include "schema/problem.hpp"

#include "schema/json.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

constexpr ProblemKind kProblems[] = {
    {Code::InvalidJson, "invalid_json", 400, "Bad Request",
     "The request is not a JSON object that can be read here.", false, 0},
    {Code::BadRequest, "bad_request", 400, "Bad Request",
     "The request cannot be understood.", false, 0},
    {Code::InvalidField, "invalid_field", 400, "Bad Request",
     "This value is not valid: {field}.", false, 0},
    {Code::MissingField, "missing_field", 400, "Bad Request",
     "This value is required: {field}.", false, 0},
    {Code::UnknownField, "unknown_field", 400, "Bad Request",
     "There is no such field: {field}.", false, 0},
    {Code::InvalidCursor, "invalid_cursor", 400, "Bad Request",
     "This page of the list is no longer available. Start again from its beginning.",
     false, 0},
    {Code::Unauthenticated, "unauthenticated", 401, "Unauthorized",
     "Sign in to use messaging.", false, 0},
    {Code::ForbiddenOrigin, "forbidden_origin", 403, "Forbidden",
     "Messages cannot be sent from another site.", false, 0},
    {Code::ForbiddenRole, "forbidden_role", 403, "Forbidden", "You may not do this.",
     false, 0},
    {Code::NotFound, "not_found", 404, "Not Found", "This conversation was not found.",
     false, 0},
    {Code::MethodNotAllowed, "method_not_allowed", 405, "Method Not Allowed",
     "This cannot be done here.", false, 0},
    {Code::OtherUser, "other_user", 412, "Precondition Failed",
     "Somebody else has signed in meanwhile. Reload the page.", false, 0},
    {Code::BodyTooLarge, "body_too_large", 413, "Content Too Large",
     "The message is too long.", false, 0},
    {Code::UnsupportedMediaType, "unsupported_media_type", 415,
     "Unsupported Media Type", "The request must be of the type application/json.",
     false, 0},
    {Code::KeyReused, "key_reused", 422, "Unprocessable Content",
     "This idempotency key was already used for another request.", false, 0},
    {Code::TooManyStreams, "too_many_streams", 429, "Too Many Requests",
     "Messaging is open in too many windows. Close some of them.", true, 10},
    {Code::RateLimited, "rate_limited", 429, "Too Many Requests",
     "That was very fast. Please wait a moment and try again.", true, 1},
    {Code::Internal, "internal", 500, "Internal Server Error",
     "Something went wrong. Please try again.", true, 0},
    {Code::QueueFull, "queue_full", 503, "Service Unavailable",
     "Messaging is very busy. Please try again in a moment.", true, 1},
    {Code::RedisUnavailable, "redis_unavailable", 503, "Service Unavailable",
     "Messaging is not available right now. Please try again in a moment.", true, 2},
    {Code::StoreUnavailable, "store_unavailable", 503, "Service Unavailable",
     "Messaging is not available right now. Please try again in a moment.", true, 2},
    {Code::ProfileUnknown, "profile_unknown", 503, "Service Unavailable",
     "Messaging is not available right now. Please try again in a moment.", true, 1},
    {Code::SearchTimeout, "search_timeout", 503, "Service Unavailable",
     "The search took too long. Please try again, or search for fewer words.", true, 2},
    {Code::UnsupportedVersion, "unsupported_version", 503, "Service Unavailable",
     "Messaging is being updated. Please try again in a moment.", true, 5},
    {Code::Timeout, "timeout", 504, "Gateway Timeout",
     "Messaging took too long to answer. Please try again.", true, 0},
};

const ProblemKind* findKind(Code code) {
    for (const ProblemKind& kind : kProblems) {
        if (kind.code == code) {
            return &kind;
        }
    }
    return nullptr;
}

}  // namespace

const ProblemKind& problemKind(Code code) {
    const ProblemKind* kind = findKind(code);
    return kind != nullptr ? *kind : *findKind(Code::Internal);
}

Code codeOf(int status) {
    switch (status) {
        case 400:
            return Code::BadRequest;
        case 403:
            return Code::ForbiddenRole;
        case 412:  // of other preconditions than ours
            return Code::BadRequest;
        case 429:
            return Code::RateLimited;
        case 503:
            return Code::RedisUnavailable;
        default:
            break;
    }
    for (const ProblemKind& kind : kProblems) {
        if (kind.status == status) {
            return kind.code;
        }
    }
    return status >= 400 && status <= 499 ? Code::BadRequest : Code::Internal;
}

std::optional<Code> codeNamed(std::string_view name) {
    for (const ProblemKind& kind : kProblems) {
        if (kind.name == name) {
            return kind.code;
        }
    }
    return std::nullopt;
}

std::string problemBody(Code code, std::string_view field, const Language& language) {
    // The name may be a client's own invention, and any length.
    const std::string shown = preview(field, limits::kMaxName);
    const bool readable = !field.empty() && validName(shown, limits::kMaxName);

    const ProblemKind& kind = problemKind(code);
    constexpr std::string_view kPlaceholder = "{field}";
    std::string error(language.sentence(kind.code));
    const size_t at = error.find(kPlaceholder);
    if (at != std::string::npos) {
        error.replace(at, kPlaceholder.size(), readable ? shown : "?");
    }

    std::string body;
    json::Writer writer(body);
    writer.object()
        .member("type", "about:blank")
        .member("title", kind.title)
        .member("status", static_cast<uint64_t>(kind.status))
        .member("code", kind.name)
        .member("error", error);
    writer.key("retryable").boolean(kind.retryable);
    if (readable) {
        writer.member("field", shown);
    }
    writer.end();
    return body;
}

}  // namespace messaging
