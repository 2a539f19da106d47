// What a profile calls roles, events and refusals.
#include <algorithm>

#include "ngx_module/core/profile.hpp"
#include "schema/json.hpp"

namespace messaging::core {

std::optional<std::string> SiteProfile::roleFor(std::string_view word) const {
    if (roles.empty()) {
        return std::string(word);
    }
    for (const RoleWords& known : roles) {
        const auto& words = known.words;
        if (known.role == word ||
            std::find(words.begin(), words.end(), word) != words.end()) {
            return known.role;
        }
    }
    return std::nullopt;
}

std::string_view SiteProfile::eventName(std::string_view type) const {
    for (const auto& [ours, theirs] : events) {
        if (ours == type) {
            return theirs;
        }
    }
    return type;
}

std::optional<std::string> SiteProfile::failure(unsigned status,
                                                std::string_view problem) const {
    const FailureShape* shape = nullptr;
    for (const FailureShape& one : failures) {
        if (one.status == status || (one.status == 0 && shape == nullptr)) {
            shape = &one;
        }
    }
    if (shape == nullptr) {
        return std::nullopt;
    }
    const Result<json::Value> document = json::parse(problem);
    std::string body;
    json::Writer writer(body);
    writer.object();
    for (const FailureMember& member : shape->members) {
        writer.key(member.name);
        const json::Value* value =
            document.ok() ? document->find(member.source) : nullptr;
        if (member.fixed) {
            writer.string(member.source);
        } else if (value != nullptr) {
            writer.raw(json::canonical(*value));
        } else {
            writer.null();
        }
    }
    writer.end();
    return body;
}

}  // namespace messaging::core
