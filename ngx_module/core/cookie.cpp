// Splits at semicolons and at the first "=" of each pair, as browsers write them.
#include "ngx_module/core/cookie.hpp"

#include <algorithm>

namespace messaging::core {
namespace {

std::string_view withoutSpace(std::string_view text) {
    constexpr std::string_view kSpace = " \t";
    const size_t first = std::min(text.find_first_not_of(kSpace), text.size());
    const size_t last = text.find_last_not_of(kSpace);
    return text.substr(first, last == text.npos ? 0 : last + 1 - first);
}

}  // namespace

void findCookie(std::string_view header, std::string_view name, Cookie* found) {
    while (!header.empty()) {
        const size_t end = std::min(header.find(';'), header.size());
        const std::string_view pair = header.substr(0, end);
        header.remove_prefix(std::min(end + 1, header.size()));
        const size_t equals = pair.find('=');
        if (equals == pair.npos || withoutSpace(pair.substr(0, equals)) != name) {
            continue;
        }
        const std::string_view value = withoutSpace(pair.substr(equals + 1));
        if (value.empty()) {
            continue;
        }
        found->contradicted |= !found->value.empty() && found->value != value;
        found->value = value;
    }
}

}  // namespace messaging::core
