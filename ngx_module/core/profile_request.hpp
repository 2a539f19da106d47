// From a site's own request to the operation that its profile says it means. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ngx_module/core/profile.hpp"
#include "ngx_module/core/query.hpp"
#include "schema/json.hpp"
#include "schema/status.hpp"

namespace messaging::core {

// "LPL": which segments are words, which parameters. Of two that fit a path, the one
// that is less as text is meant: a word beats a parameter, from the left.
std::string shapeOf(const std::vector<PathSegment>& path);

// The routes that a path and a method may mean, as indices, in their order.
struct Candidates {
    Route::Match match = Route::Match::NoPath;
    std::vector<size_t> routes;
    std::string shape;
    std::string allow;  // for NoMethod
};
Candidates candidatesFor(const SiteProfile& profile, Method method,
                         std::string_view path);

using PathValues = std::vector<std::pair<std::string_view, std::string_view>>;
PathValues pathValues(const ProfileRoute& route, std::string_view path);

// What a request says, beside its path. Views into what the caller keeps.
struct RequestWords {
    std::string_view path;
    const Query* query = nullptr;       // of a GET
    const json::Value* body = nullptr;  // of the others: an object
};

// The candidate that is meant, in the order of the block. ForbiddenRole where only the
// caller's role keeps it from one; MissingField or InvalidField names the condition
// that nothing fits.
Result<size_t> choose(const SiteProfile& profile, const std::vector<size_t>& routes,
                      std::string_view role, const RequestWords& words);

// A request in our own words: arguments that the operation's parse function reads.
struct Prepared {
    std::string conversation;  // where the operation needs one
    std::string arguments;     // JSON
    bool derived = false;  // by who is in it: it may not exist, and that is no error
};
// InvalidField or MissingField names the site's parameter.
Result<Prepared> prepare(const ProfileRoute& route, const RequestWords& words,
                         const Identity& who);

// The site's parameter for a field of ours that was refused; ours where it has none.
std::string siteField(const ProfileRoute& route, std::string_view field);

}  // namespace messaging::core
