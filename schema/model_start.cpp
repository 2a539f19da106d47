// Arguments of opening a conversation: who, about what, as whom, and perhaps with a
// first message.
#include "schema/model.hpp"

#include <algorithm>

#include "schema/json.hpp"
#include "schema/model_parts.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

using json::Type;
using json::Value;
using json::Writer;

// As whom one starts.
constexpr const char* kAsUser = "user";
constexpr const char* kAsTeam = "team";

// Within an argument that is an object itself.
Status within(std::string_view name, const Status& failure) {
    const std::string& field = failure.field();
    return {failure.code(), failure.detail(),
            std::string(name) + (field.empty() ? "" : "." + field)};
}

bool knownMember(std::string_view id, const ArgumentLimits& bounds) {
    if (teamRole(id).empty() || bounds.teams == nullptr) {
        return validMember(id);
    }
    return std::find(bounds.teams->begin(), bounds.teams->end(), id) !=
           bounds.teams->end();
}

// Those that are named; `as` whom the caller starts is added later.
Result<std::vector<std::string>> parseMembers(const Value& value,
                                              const ArgumentLimits& bounds) {
    if (!value.is(Type::Array)) {
        return invalid("members");
    }
    std::vector<std::string> members;
    for (const Value& item : value.items) {
        if (!item.is(Type::String) || !knownMember(item.text, bounds)) {
            return invalid("members");
        }
        members.push_back(item.text);
    }
    return members;
}

// Whether it is the caller's team that starts.
Result<bool> parseAs(const Value& object, const std::vector<std::string>& members,
                     std::string_view team) {
    const Value* value = object.find("as");
    if (value == nullptr) {
        return !team.empty() &&
               std::find(members.begin(), members.end(), team) != members.end();
    }
    const bool asTeam = value->text == kAsTeam;
    if (!value->is(Type::String) || (!asTeam && value->text != kAsUser) ||
        (asTeam && team.empty())) {
        return invalid("as");
    }
    return asTeam;
}

Result<std::vector<std::string>> withStarter(std::vector<std::string> members,
                                             std::string_view starter,
                                             const ArgumentLimits& bounds) {
    members.emplace_back(starter);
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    if (members.size() < 2 || members.size() > bounds.members) {
        return invalid("members");
    }
    return members;
}

// What goes with a first message.
Result<SendArguments> parseMessage(const Value& value) {
    if (!value.is(Type::Object)) {
        return invalid("message");
    }
    for (const Value::Member& member : value.members) {
        if (member.first != "context" && member.first != "type" &&
            member.first != "data") {
            return within("message", {Code::UnknownField, "arguments",
                                      preview(member.first, limits::kMaxName)});
        }
    }
    Result<SendArguments> extras = parseExtras(value);
    return extras.ok() ? std::move(extras) : within("message", extras.status());
}

// A role or a name in a hint; absent is empty.
bool readHintName(const Value& hint, std::string_view name, std::string* out) {
    const Value* value = hint.find(name);
    if (value == nullptr) {
        return true;
    }
    *out = value->text;
    return value->is(Type::String) && validName(value->text, limits::kMaxName);
}

// Of members other than the caller, each once.
Result<std::vector<Hint>> parseHints(const Value& value,
                                     const std::vector<std::string>& members,
                                     std::string_view caller) {
    if (!value.is(Type::Array) || value.items.size() > limits::kMaxHints) {
        return invalid("hints");
    }
    std::vector<Hint> hints;
    for (const Value& item : value.items) {
        const Value* id = item.find("id");
        Hint hint;
        if (id == nullptr || id->text == caller ||
            !std::binary_search(members.begin(), members.end(), id->text) ||
            !readHintName(item, "role", &hint.role) ||
            !readHintName(item, "name", &hint.name)) {
            return invalid("hints");
        }
        hint.id = id->text;
        hints.push_back(std::move(hint));
    }
    const auto less = [](const Hint& a, const Hint& b) { return a.id < b.id; };
    const auto same = [](const Hint& a, const Hint& b) { return a.id == b.id; };
    std::sort(hints.begin(), hints.end(), less);
    if (std::adjacent_find(hints.begin(), hints.end(), same) != hints.end()) {
        return invalid("hints");
    }
    return hints;
}

bool carries(const SendArguments& extras) {
    return !extras.context.type.empty() || !extras.type.empty() || !extras.data.empty();
}

void writeHints(Writer& writer, const std::vector<Hint>& hints) {
    writer.key("hints").array();
    for (const Hint& hint : hints) {
        writer.object().member("id", hint.id);
        if (!hint.role.empty()) {
            writer.member("role", hint.role);
        }
        if (!hint.name.empty()) {
            writer.member("name", hint.name);
        }
        writer.end();
    }
    writer.end();
}

}  // namespace

Result<StartArguments> parseStart(std::string_view body, std::string_view caller,
                                  const ArgumentLimits& bounds, std::string_view team,
                                  From from) {
    const bool client = from == From::Client;
    const Result<Value> object =
        parseObject(body, {"members", "content", "subject", "context", "kind", "as",
                           "message", client ? "members" : "hints"});
    if (!object.ok()) {
        return object.status();
    }
    const Value* members = object->find("members");
    if (members == nullptr) {
        return missing("members");
    }
    StartArguments arguments;
    Result<std::vector<std::string>> ids = parseMembers(*members, bounds);
    if (!ids.ok()) {
        return ids.status();
    }
    const Result<bool> asTeam = parseAs(object.value(), ids.value(), team);
    if (!asTeam.ok()) {
        return asTeam.status();
    }
    arguments.asTeam = asTeam.value();
    ids = withStarter(std::move(ids.value()), arguments.asTeam ? team : caller, bounds);
    if (!ids.ok()) {
        return ids.status();
    }
    arguments.members = std::move(ids.value());
    if (const Value* value = object->find("content")) {
        Result<std::string> content = parseContent(*value, bounds);
        if (!content.ok()) {
            return content.status();
        }
        arguments.content = std::move(content.value());
    }
    if (const Value* value = object->find("subject")) {
        Result<std::string> subject = parseLine(*value, "subject", limits::kMaxSubject);
        if (!subject.ok()) {
            return subject.status();
        }
        arguments.subject = std::move(subject.value());
    }
    Result<Context> context = parseContext(object.value());
    if (!context.ok()) {
        return context.status();
    }
    arguments.context = std::move(context.value());
    if (const Value* value = object->find("kind")) {
        arguments.ticket = value->text == kTicket;
        if (!value->is(Type::String) || (!arguments.ticket && value->text != kDirect)) {
            return invalid("kind");
        }
    }
    if (const Value* value = object->find("message")) {
        Result<SendArguments> extras = parseMessage(*value);
        if (!extras.ok()) {
            return extras.status();
        }
        if (!arguments.content) {
            return missing("content");
        }
        arguments.message = std::move(extras.value());
    }
    if (const Value* value = object->find("hints")) {
        Result<std::vector<Hint>> hints = parseHints(*value, arguments.members, caller);
        if (!hints.ok()) {
            return hints.status();
        }
        arguments.hints = std::move(hints.value());
    }
    return arguments;
}

std::string encode(const StartArguments& arguments) {
    std::string body;
    Writer writer(body);
    writer.object().key("members").array();
    for (const std::string& member : arguments.members) {
        writer.string(member);
    }
    writer.end();
    if (arguments.content) {
        writer.member("content", *arguments.content);
    }
    if (!arguments.subject.empty()) {
        writer.member("subject", arguments.subject);
    }
    writeContext(writer, arguments.context);
    if (arguments.ticket) {
        writer.member("kind", kTicket);
    }
    if (carries(arguments.message)) {
        writer.key("message").object();
        writeExtras(writer, arguments.message);
        writer.end();
    }
    if (!arguments.hints.empty()) {
        writeHints(writer, arguments.hints);
    }
    // Said wherever it could be taken for the other.
    const bool teams =
        std::any_of(arguments.members.begin(), arguments.members.end(),
                    [](const std::string& id) { return !teamRole(id).empty(); });
    if (teams) {
        writer.member("as", arguments.asTeam ? kAsTeam : kAsUser);
    }
    writer.end();
    return body;
}

}  // namespace messaging
