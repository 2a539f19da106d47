// What a method and a path ask for, where a site may have paths of its own beside the
// canonical ones under its location. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ngx_module/core/profile_request.hpp"
#include "ngx_module/core/route.hpp"

namespace messaging::core {

struct Question {
    Route::Match match = Route::Match::NoPath;
    // Of the first of `routes`, where there are some: all of one method are of one
    // kind.
    Operation operation = Operation::Status;
    std::string_view conversation;  // canonical: a view into the path
    std::vector<size_t> routes;     // the profile's; empty: canonical
    std::string allow;              // what the path answers to, for Allow
    bool reads = false;             // what it shows may be marked read
};

// `uri` is the whole path, `prefix` the location's without a trailing slash; `profile`
// may be nullptr.
Question questionOf(const SiteProfile* profile, Method method, std::string_view uri,
                    std::string_view prefix);

}  // namespace messaging::core
