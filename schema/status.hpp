// Outcome of what can fail, as a value. Pure; no I/O, no allocation on success.
//
// A failure carries a code of the public API (never renamed: clients switch on it), the
// field at fault where there is one, and a detail for the log, which a client never
// sees.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace messaging {

// What went wrong, in the words of the API. The HTTP status, whether a repeat can help
// and the text people read follow from the code alone (problem.hpp).
enum class Code {
    Ok,
    InvalidJson,           // 400 not JSON by our strict rules
    BadRequest,            // 400 not HTTP that nginx takes
    InvalidField,          // 400 a value out of its bounds
    MissingField,          // 400
    UnknownField,          // 400
    InvalidCursor,         // 400
    Unauthenticated,       // 401
    ForbiddenOrigin,       // 403 an unsafe method with a cookie, from another origin
    ForbiddenRole,         // 403 a profile's rule keeps this for other roles
    NotFound,              // 404 absent or not yours: the same
    MethodNotAllowed,      // 405
    OtherUser,             // 412 a page of somebody else, who is not signed in any more
    BodyTooLarge,          // 413
    UnsupportedMediaType,  // 415
    KeyReused,             // 422 the idempotency key stands for another request
    TooManyStreams,        // 429
    RateLimited,           // 429 surely not stored
    Internal,              // 500 unknown whether stored; repeat with the same key
    QueueFull,             // 503 surely not stored
    RedisUnavailable,      // 503 surely not stored
    StoreUnavailable,      // 503 surely not stored
    ProfileUnknown,        // 503 surely not stored; Redis has lost the profile
    SearchTimeout,         // 503 nothing found within the time for it
    UnsupportedVersion,    // 503 the worker is of another protocol version
    Timeout,               // 504 unknown whether stored; repeat with the same key
};

class [[nodiscard]] Status {
public:
    Status() = default;
    Status(Code code, std::string detail = {}, std::string field = {})
        : code_(code), detail_(std::move(detail)), field_(std::move(field)) {}

    bool ok() const { return code_ == Code::Ok; }
    Code code() const { return code_; }
    const std::string& detail() const { return detail_; }
    const std::string& field() const { return field_; }

private:
    Code code_ = Code::Ok;
    std::string detail_;
    std::string field_;
};

// A value or the failure that stands in its place. Reading the value of a failure is a
// programming error.
template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::move(value)) {}
    Result(Status failure) : status_(std::move(failure)) {}
    Result(Code code, std::string detail = {}, std::string field = {})
        : status_(code, std::move(detail), std::move(field)) {}

    bool ok() const { return value_.has_value(); }
    const Status& status() const { return status_; }
    T& value() { return *value_; }
    const T& value() const { return *value_; }
    T* operator->() { return &*value_; }
    const T* operator->() const { return &*value_; }

private:
    std::optional<T> value_;
    Status status_;
};

}  // namespace messaging
