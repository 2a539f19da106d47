// Tags are compared without their W/: for a GET, the same bytes or as good as the same
// is one.
#include "ngx_module/core/badge.hpp"

#include <algorithm>

#include "schema/hash.hpp"

namespace messaging::core {
namespace {

// Past white space and commas, which may stand in any number between the members of a
// list. False if there was no comma.
bool skipSeparators(std::string_view* list) {
    const size_t next = std::min(list->find_first_not_of(" \t,"), list->size());
    const bool comma = list->substr(0, next).find(',') != std::string_view::npos;
    list->remove_prefix(next);
    return comma;
}

// The tag at the start, quotes included and W/ not; empty if there is none.
std::string_view takeTag(std::string_view* list) {
    if (list->substr(0, 2) == "W/") {
        list->remove_prefix(2);
    }
    const size_t end =
        list->substr(0, 1) == "\"" ? list->find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
        return {};
    }
    const std::string_view tag = list->substr(0, end + 1);
    list->remove_prefix(tag.size());
    return tag;
}

}  // namespace

std::string etagOf(std::string_view body) {
    return '"' + digest({body}) + '"';
}

bool matches(std::string_view ifNoneMatch, std::string_view etag) {
    std::string_view list = ifNoneMatch;
    skipSeparators(&list);
    if (list.substr(0, 1) == "*") {
        list.remove_prefix(1);
        skipSeparators(&list);
        return list.empty();
    }
    while (!list.empty()) {
        const std::string_view tag = takeTag(&list);
        if (tag.empty() || (!skipSeparators(&list) && !list.empty())) {
            return false;
        }
        if (tag == etag) {
            return true;
        }
    }
    return false;
}

}  // namespace messaging::core
