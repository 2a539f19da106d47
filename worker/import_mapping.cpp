// Names are checked here, once: the source asks for what it needs by them.
#include "worker/import_mapping.hpp"

#include <algorithm>
#include <array>

#include "schema/model.hpp"
#include "schema/text.hpp"

namespace messaging::worker {
namespace {

constexpr std::array<std::string_view, 25> kNames = {
    "kind",
    "conversations",
    "conversation.id",
    "conversation.members",
    "conversation.contextType",
    "conversation.contextId",
    "conversation.subject",
    "conversation.status",
    "conversation.closed",
    "conversation.createdAt",
    "messages",
    "message.id",
    "message.conversation",
    "message.sender",
    "message.receiver",
    "message.role",
    "message.content",
    "message.createdAt",
    "message.read",
    "message.contextType",
    "message.contextId",
    "users",
    "user.id",
    "user.name",
    "user.role",
};
constexpr std::string_view kRole = "role.";
constexpr std::string_view kTeam = "team:";

// A MongoDB field or collection, a path, or several in one: never an operator.
bool validValue(std::string_view value) {
    return value.size() <= 512 && value.find('$') == std::string_view::npos &&
           validName(value, 512);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
    }
    return out;
}

}  // namespace

std::vector<std::string> splitBy(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const size_t end = std::min(text.find(separator), text.size());
        if (end > 0) {
            parts.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

Status Mapping::put(const std::string& name, const std::string& value) {
    const bool role = name.compare(0, kRole.size(), kRole) == 0;
    if (!role && std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
        return {Code::UnknownField, "no such field: " + name, name};
    }
    if (!validValue(value) ||
        (name == "kind" && value != kDirect && value != kTicket)) {
        return {Code::InvalidField, "not a value for " + name, name};
    }
    values_[name] = value;
    if (name == "conversation.members") {
        members_.clear();
        for (const std::string& part : splitBy(value, ',')) {
            Member member;
            if (part.compare(0, kTeam.size(), kTeam) == 0) {
                member.team = part;
                member.role = part.substr(kTeam.size());
            } else {
                const size_t equals = std::min(part.find('='), part.size());
                member.fields = splitBy(part.substr(0, equals), '|');
                member.role = part.substr(std::min(equals + 1, part.size()));
            }
            members_.push_back(std::move(member));
        }
    }
    return {};
}

Status Mapping::read(const json::Value& object) {
    for (const auto& [name, value] : object.members) {
        if (!value.is(json::Type::String)) {
            return {Code::InvalidField, "not a text: " + name, name};
        }
        if (Status status = put(name, value.text); !status.ok()) {
            return status;
        }
    }
    return {};
}

Status Mapping::set(const std::string& assignment) {
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
        return {Code::InvalidField, "not NAME=VALUE: " + assignment};
    }
    return put(assignment.substr(0, equals), assignment.substr(equals + 1));
}

Status Mapping::complete() const {
    std::vector<std::string_view> needed = {"messages", "message.sender",
                                            "message.content", "message.createdAt"};
    if (pairs()) {
        needed.push_back("message.receiver");
    } else {
        needed.push_back("conversation.members");
        needed.push_back("message.conversation");
    }
    for (const std::string_view name : needed) {
        if (text(name).empty()) {
            return {Code::MissingField, "the mapping lacks " + std::string(name),
                    std::string(name)};
        }
    }
    return {};
}

const std::string& Mapping::text(std::string_view name) const {
    static const std::string kNone;
    const auto found = values_.find(name);
    return found == values_.end() ? kNone : found->second;
}

std::vector<std::string> Mapping::alternatives(std::string_view name) const {
    return splitBy(text(name), '|');
}

std::string Mapping::roleOf(std::string_view name) const {
    const std::string& told = text(std::string(kRole) + std::string(name));
    return told.empty() ? lower(name) : told;
}

}  // namespace messaging::worker
