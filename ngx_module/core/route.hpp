// Which operation a method and a path mean. Pure. `path` is what follows the location's
// prefix, percent-decoded by nginx, with its leading slash.
#pragma once

#include <string>
#include <string_view>

#include "schema/wire.hpp"

namespace messaging::core {

enum class Method { Get, Head, Post, Put, Patch, Delete, Other };

struct Route {
    enum class Match { Found, NoPath, NoMethod };
    Match match = Match::NoPath;
    Operation operation = Operation::Status;
    std::string_view conversation;  // a view into `path`
    const char* allow = "";         // what the path answers to: the Allow header
    const char* shape = "";         // of the path, L a word and P a parameter: "LPL"
};

Route route(Method method, std::string_view path);

}  // namespace messaging::core
