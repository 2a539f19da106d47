// A query string's parameters, decoded as a form's (application/x-www-form-urlencoded).
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/status.hpp"

namespace messaging::core {

using Query = std::vector<std::pair<std::string, std::string>>;

// InvalidField, naming the parameter, for a broken escape, text that is no UTF-8 or
// holds a NUL, a name that stands twice, and for more parameters than any operation
// knows.
Result<Query> parseQuery(std::string_view text);

// Text with its escapes (%C3%A9) resolved; nothing where one is broken, or where it is
// then no UTF-8 or holds a NUL. "+" is a plus.
std::optional<std::string> percentDecoded(std::string_view text);

}  // namespace messaging::core
