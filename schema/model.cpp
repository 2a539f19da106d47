// Arguments, in and out again. A parse function takes an object of the members it names
// and nothing else: a client's mistake is told at once, not stored or ignored. How
// documents are shown is view.cpp's.
#include "schema/model.hpp"

#include <algorithm>
#include <initializer_list>

#include "schema/json.hpp"
#include "schema/model_parts.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

using json::Type;
using json::Value;
using json::Writer;

constexpr const char* kTrue = "true";
constexpr const char* kFalse = "false";

// As whom one starts.
constexpr const char* kAsUser = "user";
constexpr const char* kAsTeam = "team";

Result<std::string> parseContent(const Value& value, const ArgumentLimits& bounds) {
    if (!value.is(Type::String)) {
        return invalid("content");
    }
    const std::string_view content = trim(value.text);
    const std::optional<size_t> characters = countCharacters(content);
    if (!characters || *characters == 0 || *characters > bounds.content) {
        return invalid("content");
    }
    return std::string(content);
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

// Nothing where it is absent.
Result<Context> parseContext(const Value& object) {
    const Value* value = object.find("context");
    if (value == nullptr) {
        return Context();
    }
    const Value* type = value->find("type");
    const Value* id = value->find("id");
    if (type == nullptr || id == nullptr || value->members.size() != 2) {
        return invalid("context");
    }
    if (!type->is(Type::String) || !validWord(type->text)) {
        return invalid("context.type");
    }
    if (!id->is(Type::String) || !validId(id->text)) {
        return invalid("context.id");
    }
    return Context{type->text, id->text};
}

Result<bool> parseStatus(const Value& value) {
    if (!value.is(Type::String) || (value.text != kOpen && value.text != kClosed)) {
        return invalid("status");
    }
    return value.text == kClosed;
}

// How deep a value nests: 0 where it is no container.
size_t depthOf(const Value& value) {
    size_t depth = 0;
    for (const Value& item : value.items) {
        depth = std::max(depth, depthOf(item));
    }
    for (const Value::Member& member : value.members) {
        depth = std::max(depth, depthOf(member.second));
    }
    return value.is(Type::Array) || value.is(Type::Object) ? depth + 1 : 0;
}

Result<std::string> parseData(const Value& value) {
    if (!value.is(Type::Object) || depthOf(value) > limits::kDataDepth) {
        return invalid("data");
    }
    std::string data = json::canonical(value);
    if (data.size() > limits::kMaxData) {
        return invalid("data");
    }
    return data;
}

void writeContext(Writer& writer, const Context& context) {
    if (!context.type.empty()) {
        writer.key("context").object().member("type", context.type);
        writer.member("id", context.id).end();
    }
}

// "true" or "false", as a query writes them. Absent stays absent.
Status readFlag(const Value& object, std::string_view name, std::optional<bool>* out) {
    const Value* value = object.find(name);
    if (value == nullptr) {
        return {};
    }
    if (!value->is(Type::String) || (value->text != kTrue && value->text != kFalse)) {
        return invalid(name);
    }
    *out = value->text == kTrue;
    return {};
}

// A context in a query: TYPE, or TYPE:ID.
Result<Context> parseContextText(const Value& value) {
    const size_t colon = value.text.find(':');
    Context context{value.text.substr(0, colon), {}};
    if (colon != std::string::npos) {
        context.id = value.text.substr(colon + 1);
    }
    if (!value.is(Type::String) || !validWord(context.type) ||
        (colon != std::string::npos && !validId(context.id))) {
        return invalid("context");
    }
    return context;
}

Status readFilter(const Value& object, ListFilter* filter) {
    if (const Value* value = object.find("status")) {
        const Result<bool> closed = parseStatus(*value);
        if (!closed.ok()) {
            return closed.status();
        }
        filter->closed = closed.value();
    }
    if (Status status = readFlag(object, "unread", &filter->unread); !status.ok()) {
        return status;
    }
    if (Status status = readFlag(object, "archived", &filter->archived); !status.ok()) {
        return status;
    }
    if (const Value* value = object.find("context")) {
        Result<Context> context = parseContextText(*value);
        if (!context.ok()) {
            return context.status();
        }
        filter->context = std::move(context.value());
    }
    return {};
}

}  // namespace

// --- Arguments

Result<StartArguments> parseStart(std::string_view body, std::string_view caller,
                                  const ArgumentLimits& bounds, std::string_view team) {
    const Result<Value> object =
        parseObject(body, {"members", "content", "subject", "context", "kind", "as"});
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

Result<SendArguments> parseSend(std::string_view body, const ArgumentLimits& bounds) {
    const Result<Value> object =
        parseObject(body, {"content", "context", "type", "data"});
    if (!object.ok()) {
        return object.status();
    }
    const Value* value = object->find("content");
    if (value == nullptr) {
        return missing("content");
    }
    Result<std::string> content = parseContent(*value, bounds);
    if (!content.ok()) {
        return content.status();
    }
    Result<Context> context = parseContext(object.value());
    if (!context.ok()) {
        return context.status();
    }
    SendArguments arguments;
    arguments.content = std::move(content.value());
    arguments.context = std::move(context.value());
    if (const Value* type = object->find("type")) {
        if (!type->is(Type::String) || !validWord(type->text)) {
            return invalid("type");
        }
        arguments.type = type->text == kText ? std::string() : type->text;
    }
    if (const Value* data = object->find("data")) {
        Result<std::string> canonical = parseData(*data);
        if (!canonical.ok()) {
            return canonical.status();
        }
        arguments.data = std::move(canonical.value());
    }
    return arguments;
}

std::string encode(const SendArguments& arguments) {
    std::string body;
    Writer writer(body);
    writer.object().member("content", arguments.content);
    writeContext(writer, arguments.context);
    if (!arguments.type.empty()) {
        writer.member("type", arguments.type);
    }
    if (!arguments.data.empty()) {
        writer.key("data").raw(arguments.data);
    }
    writer.end();
    return body;
}

Result<ReadArguments> parseRead(std::string_view body) {
    const Result<Value> object = parseOptions(body, {"seq"});
    if (!object.ok()) {
        return object.status();
    }
    ReadArguments arguments;
    if (const Value* value = object->find("seq")) {
        uint64_t seq = 0;
        if (!value->unsignedInteger(&seq)) {
            return invalid("seq");
        }
        arguments.seq = seq;
    }
    return arguments;
}

std::string encode(const ReadArguments& arguments) {
    std::string body;
    Writer writer(body);
    writer.object();
    if (arguments.seq) {
        writer.member("seq", *arguments.seq);
    }
    writer.end();
    return body;
}

Result<ChangeArguments> parseChange(std::string_view body) {
    const Result<Value> object = parseObject(body, {"status", "archived", "subject"});
    if (!object.ok()) {
        return object.status();
    }
    if (object->members.empty()) {
        return missing("status");
    }
    ChangeArguments arguments;
    if (const Value* status = object->find("status")) {
        Result<bool> closed = parseStatus(*status);
        if (!closed.ok()) {
            return closed.status();
        }
        arguments.closed = closed.value();
    }
    if (const Value* archived = object->find("archived")) {
        if (!archived->is(Type::Bool)) {
            return invalid("archived");
        }
        arguments.archived = archived->boolean;
    }
    const Value* subject = object->find("subject");
    if (subject != nullptr && subject->is(Type::Null)) {
        arguments.subject = std::string();
    } else if (subject != nullptr) {
        Result<std::string> line = parseLine(*subject, "subject", limits::kMaxSubject);
        if (!line.ok()) {
            return line.status();
        }
        arguments.subject = std::move(line.value());
    }
    return arguments;
}

std::string encode(const ChangeArguments& arguments) {
    std::string body;
    Writer writer(body);
    writer.object();
    if (arguments.closed) {
        writer.member("status", *arguments.closed ? kClosed : kOpen);
    }
    if (arguments.archived) {
        writer.key("archived").boolean(*arguments.archived);
    }
    if (arguments.subject && arguments.subject->empty()) {
        writer.key("subject").null();
    } else if (arguments.subject) {
        writer.member("subject", *arguments.subject);
    }
    writer.end();
    return body;
}

Result<HistoryArguments> parseHistory(std::string_view body) {
    const Result<Value> object = parseOptions(body, {"before", "after", "limit"});
    if (!object.ok()) {
        return object.status();
    }
    HistoryArguments arguments;
    const Value& options = object.value();
    if (Status status = readNumber(options, "before", &arguments.before);
        !status.ok()) {
        return status;
    }
    if (Status status = readNumber(options, "after", &arguments.after); !status.ok()) {
        return status;
    }
    if (Status status = readLimit(options, &arguments.limit); !status.ok()) {
        return status;
    }
    if (arguments.before && arguments.after) {
        return invalid("after");
    }
    return arguments;
}

std::string encode(const HistoryArguments& arguments) {
    std::string body;
    Writer writer(body);
    writer.object();
    if (arguments.before) {
        writer.member("before", *arguments.before);
    }
    if (arguments.after) {
        writer.member("after", *arguments.after);
    }
    writer.member("limit", uint64_t{arguments.limit}).end();
    return body;
}

Result<ListArguments> parseList(std::string_view body) {
    const Result<Value> object = parseOptions(
        body, {"cursor", "limit", "status", "unread", "archived", "context", "q"});
    if (!object.ok()) {
        return object.status();
    }
    ListArguments arguments;
    if (Status status = readFilter(object.value(), &arguments.filter); !status.ok()) {
        return status;
    }
    if (const Value* q = object->find("q")) {
        Result<std::string> words = parseLine(*q, "q", limits::kMaxSearch);
        if (!words.ok()) {
            return words.status();
        }
        arguments.q = std::move(words.value());
    }
    if (Status status = readLimit(object.value(), &arguments.limit); !status.ok()) {
        return status;
    }
    if (Status status = readCursor(object.value(), &arguments.cursor); !status.ok()) {
        return status;
    }
    return arguments;
}

std::string encode(const ListArguments& arguments) {
    std::string body;
    Writer writer(body);
    writer.object();
    if (!arguments.cursor.empty()) {
        writer.member("cursor", arguments.cursor);
    }
    writer.member("limit", uint64_t{arguments.limit});
    const ListFilter& filter = arguments.filter;
    if (filter.closed) {
        writer.member("status", *filter.closed ? kClosed : kOpen);
    }
    if (filter.unread) {
        writer.member("unread", *filter.unread ? kTrue : kFalse);
    }
    if (filter.archived) {
        writer.member("archived", *filter.archived ? kTrue : kFalse);
    }
    if (!filter.context.type.empty()) {
        const std::string& id = filter.context.id;
        writer.member("context", filter.context.type + (id.empty() ? "" : ":" + id));
    }
    if (!arguments.q.empty()) {
        writer.member("q", arguments.q);
    }
    writer.end();
    return body;
}

}  // namespace messaging
