// Refusals as the API shows them: application/problem+json (RFC 9457) with `code`,
// `error`, `retryable` and `field`. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/language.hpp"
#include "schema/status.hpp"

namespace messaging {

// What follows from a code.
struct ProblemKind {
    Code code;
    std::string_view name;   // "not_found": on the wire, in `code` and in logs
    int status;              // HTTP
    std::string_view title;  // the status's reason phrase
    std::string_view error;  // English; "{field}" stands for the field's name
    bool retryable;
    int retryAfter;  // seconds, 0: no Retry-After header. Who knows better says so
};

// The kind of a code (Code::Ok has none and gives Internal's).
const ProblemKind& problemKind(Code code);

// The code for a refusal of this status that came about elsewhere: where none says it
// BadRequest or, from 500 on, Internal.
Code codeOf(int status);

// The code with this name, if there is one: names come from Redis and are not trusted.
std::optional<Code> codeNamed(std::string_view name);

// {"type":"about:blank","title":…,"status":…,"code":…,"error":…,"retryable":…[,"field":…]}
// Of these only `error` is in the reader's language: programs switch on the others.
std::string problemBody(Code code, std::string_view field,
                        const Language& language = kLanguages[0]);

}  // namespace messaging
