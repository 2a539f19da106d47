// Arguments, in and out again. A parse function takes an object of the members it names
// and nothing else: a client's mistake is told at once, not stored or ignored. How
// documents are shown is view.cpp's. Long because all arguments are read by the same
// few helpers.
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
constexpr const char* kEmpty = "empty";

// As whom one starts.
constexpr const char* kAsUser = "user";
constexpr const char* kAsTeam = "team";

// Within an argument that is an object itself.
Status within(std::string_view name, const Status& failure) {
    const std::string& field = failure.field();
    return {failure.code(), failure.detail(),
            std::string(name) + (field.empty() ? "" : "." + field)};
}

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

// All of a message but its content.
Result<SendArguments> parseExtras(const Value& object) {
    Result<Context> context = parseContext(object);
    if (!context.ok()) {
        return context.status();
    }
    SendArguments extras;
    extras.context = std::move(context.value());
    if (const Value* type = object.find("type")) {
        if (!type->is(Type::String) || !validWord(type->text)) {
            return invalid("type");
        }
        extras.type = type->text == kText ? std::string() : type->text;
    }
    if (const Value* data = object.find("data")) {
        Result<std::string> canonical = parseData(*data);
        if (!canonical.ok()) {
            return canonical.status();
        }
        extras.data = std::move(canonical.value());
    }
    return extras;
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

void writeContext(Writer& writer, const Context& context) {
    if (!context.type.empty()) {
        writer.key("context").object().member("type", context.type);
        writer.member("id", context.id).end();
    }
}

void writeExtras(Writer& writer, const SendArguments& extras) {
    writeContext(writer, extras.context);
    if (!extras.type.empty()) {
        writer.member("type", extras.type);
    }
    if (!extras.data.empty()) {
        writer.key("data").raw(extras.data);
    }
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

Status readAbsent(const Value& object, bool* empty) {
    const Value* value = object.find("absent");
    if (value != nullptr && (!value->is(Type::String) || value->text != kEmpty)) {
        return invalid("absent");
    }
    *empty = value != nullptr;
    return {};
}

Status readPage(const Value& object, From from, HistoryArguments* page) {
    Status status = readNumber(object, "before", &page->before);
    if (status.ok()) {
        status = readNumber(object, "after", &page->after);
    }
    if (status.ok()) {
        const bool all = from == From::Module;
        status =
            readLimit(object, all ? limits::kMaxAll : limits::kMaxPage, &page->limit);
    }
    if (status.ok()) {
        status = readAbsent(object, &page->absentEmpty);
    }
    if (status.ok() && page->before && page->after) {
        status = invalid("after");
    }
    return status;
}

void writePage(Writer& writer, const HistoryArguments& page) {
    if (page.before) {
        writer.member("before", *page.before);
    }
    if (page.after) {
        writer.member("after", *page.after);
    }
    writer.member("limit", uint64_t{page.limit});
    if (page.absentEmpty) {
        writer.member("absent", kEmpty);
    }
}

}  // namespace

// --- Arguments

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
    Result<SendArguments> arguments = parseExtras(object.value());
    if (arguments.ok()) {
        arguments->content = std::move(content.value());
    }
    return arguments;
}

std::string encode(const SendArguments& arguments) {
    std::string body;
    Writer writer(body);
    writer.object().member("content", arguments.content);
    writeExtras(writer, arguments);
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

Result<HistoryArguments> parseHistory(std::string_view body, From from) {
    const bool client = from == From::Client;
    const Result<Value> object =
        parseOptions(body, {"before", "after", "limit", client ? "limit" : "absent"});
    if (!object.ok()) {
        return object.status();
    }
    HistoryArguments arguments;
    const Status status = readPage(object.value(), from, &arguments);
    return status.ok() ? Result<HistoryArguments>(arguments) : status;
}

std::string encode(const HistoryArguments& arguments) {
    std::string body;
    Writer writer(body);
    writer.object();
    writePage(writer, arguments);
    writer.end();
    return body;
}

Result<ThreadArguments> parseThread(std::string_view body) {
    const Result<Value> object =
        parseOptions(body, {"context", "before", "after", "limit", "absent"});
    if (!object.ok()) {
        return object.status();
    }
    Result<Context> context = parseContext(object.value());
    if (!context.ok()) {
        return context.status();
    }
    ThreadArguments arguments{std::move(context.value()), {}};
    const Status status = readPage(object.value(), From::Module, &arguments.page);
    return status.ok() ? Result<ThreadArguments>(std::move(arguments)) : status;
}

std::string encode(const ThreadArguments& arguments) {
    std::string body;
    Writer writer(body);
    writer.object();
    writeContext(writer, arguments.context);
    writePage(writer, arguments.page);
    writer.end();
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
    if (Status status = readLimit(object.value(), limits::kMaxPage, &arguments.limit);
        !status.ok()) {
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
