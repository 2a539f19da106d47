// What Redis's words mean for a link to it. Pure.
#pragma once

#include <string_view>

namespace messaging {

// The value of a field in INFO's answer ("NAME:VALUE" lines); empty if it is not there.
inline std::string_view infoField(std::string_view info, std::string_view name) {
    while (!info.empty()) {
        const std::string_view line = info.substr(0, info.find('\n'));
        info.remove_prefix(line.size() < info.size() ? line.size() + 1 : info.size());
        if (line.size() > name.size() && line.substr(0, name.size()) == name &&
            line[name.size()] == ':') {
            const std::string_view value = line.substr(name.size() + 1);
            return value.substr(0, value.find('\r'));
        }
    }
    return {};
}

// Errors by which a Redis says that it serves nobody now, whatever is asked.
inline bool meansDown(std::string_view error) {
    for (const std::string_view word :
         {"LOADING", "NOAUTH", "READONLY", "MASTERDOWN"}) {
        if (error.substr(0, word.size()) == word) {
            return true;
        }
    }
    return false;
}

}  // namespace messaging
