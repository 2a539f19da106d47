// Arguments in, documents out. A parse function takes an object of the members it names
// and nothing else: a client's mistake is told at once, not stored or ignored.
#include "schema/model.hpp"

#include <algorithm>
#include <initializer_list>

#include "schema/hash.hpp"
#include "schema/json.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

using json::Type;
using json::Value;
using json::Writer;

Status invalid(std::string_view field) {
    return {Code::InvalidField, "arguments", std::string(field)};
}

Status missing(std::string_view field) {
    return {Code::MissingField, "arguments", std::string(field)};
}

// The object in `body`, which has members of these names only.
Result<Value> parseObject(std::string_view body,
                          std::initializer_list<std::string_view> names) {
    json::Bounds bounds;
    bounds.bytes = limits::kMaxArguments;
    Result<Value> object = json::parse(body, bounds);
    if (!object.ok()) {
        return object;
    }
    if (!object->is(Type::Object)) {
        return {Code::InvalidJson, "not an object"};
    }
    for (const Value::Member& member : object->members) {
        if (std::find(names.begin(), names.end(), member.first) == names.end()) {
            return {Code::UnknownField, "arguments",
                    preview(member.first, limits::kMaxName)};
        }
    }
    return object;
}

// As parseObject, where all members can be left out and the body with them.
Result<Value> parseOptions(std::string_view body,
                           std::initializer_list<std::string_view> names) {
    return parseObject(body.empty() ? "{}" : body, names);
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

Result<std::vector<std::string>> parseMembers(const Value& value,
                                              std::string_view caller,
                                              const ArgumentLimits& bounds) {
    if (!value.is(Type::Array)) {
        return invalid("members");
    }
    std::vector<std::string> members = {std::string(caller)};
    for (const Value& item : value.items) {
        if (!item.is(Type::String) || !validUser(item.text)) {
            return invalid("members");
        }
        members.push_back(item.text);
    }
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    if (members.size() < 2 || members.size() > bounds.members) {
        return invalid("members");
    }
    return members;
}

// A number of the query or of canonical JSON: both forms are taken. Absent stays
// absent.
Status readNumber(const Value& object, std::string_view name,
                  std::optional<uint64_t>* out) {
    const Value* value = object.find(name);
    if (value == nullptr) {
        return {};
    }
    uint64_t number = 0;
    if (value->is(Type::String)) {
        const std::optional<uint64_t> digits = parseUnsigned(value->text);
        if (!digits || *digits > limits::kMaxInteger) {
            return invalid(name);
        }
        number = *digits;
    } else if (!value->unsignedInteger(&number)) {
        return invalid(name);
    }
    *out = number;
    return {};
}

Status readLimit(const Value& object, unsigned* limit) {
    std::optional<uint64_t> number;
    if (Status status = readNumber(object, "limit", &number); !status.ok()) {
        return status;
    }
    if (number && (*number < 1 || *number > limits::kMaxPage)) {
        return invalid("limit");
    }
    if (number) {
        *limit = static_cast<unsigned>(*number);
    }
    return {};
}

void writeTextOrNull(Writer& writer, std::string_view name, std::string_view text) {
    writer.key(name);
    if (text.empty()) {
        writer.null();
    } else {
        writer.string(text);
    }
}

void writeMember(Writer& writer, std::string_view id, const std::vector<User>& users) {
    const auto user = std::find_if(users.begin(), users.end(),
                                   [&](const User& known) { return known.id == id; });
    const bool known = user != users.end();
    writer.object().member("id", id);
    writeTextOrNull(writer, "role", known ? user->role : std::string_view());
    writeTextOrNull(writer, "name", known ? user->name : std::string_view());
    writer.end();
}

void writeLastMessage(Writer& writer, const Preview& last) {
    writer.key("lastMessage");
    if (last.seq == 0) {
        writer.null();
        return;
    }
    writer.object()
        .member("seq", last.seq)
        .member("senderId", last.sender)
        .member("content", preview(last.content, limits::kPreview))
        .member("createdAt", isoTime(last.createdAt))
        .end();
}

}  // namespace

// --- Arguments

Result<StartArguments> parseStart(std::string_view body, std::string_view caller,
                                  const ArgumentLimits& bounds) {
    const Result<Value> object = parseObject(body, {"members", "content"});
    if (!object.ok()) {
        return object.status();
    }
    const Value* members = object->find("members");
    if (members == nullptr) {
        return missing("members");
    }
    StartArguments arguments;
    Result<std::vector<std::string>> ids = parseMembers(*members, caller, bounds);
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
    writer.end();
    return body;
}

Result<SendArguments> parseSend(std::string_view body, const ArgumentLimits& bounds) {
    const Result<Value> object = parseObject(body, {"content"});
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
    return SendArguments{std::move(content.value())};
}

std::string encode(const SendArguments& arguments) {
    std::string body;
    Writer(body).object().member("content", arguments.content).end();
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
    const Result<Value> object = parseOptions(body, {"cursor", "limit"});
    if (!object.ok()) {
        return object.status();
    }
    ListArguments arguments;
    if (Status status = readLimit(object.value(), &arguments.limit); !status.ok()) {
        return status;
    }
    if (const Value* cursor = object->find("cursor")) {
        if (!cursor->is(Type::String)) {
            return invalid("cursor");
        }
        if (cursor->text.size() > limits::kMaxCursor) {
            return {Code::InvalidCursor, "too long", "cursor"};
        }
        arguments.cursor = cursor->text;
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
    writer.member("limit", uint64_t{arguments.limit}).end();
    return body;
}

// What is not UTF-8 in it stays so, and the parse function refuses it.
std::string queryBody(const std::vector<std::pair<std::string, std::string>>& query) {
    std::string body;
    Writer writer(body);
    writer.object();
    for (const auto& [name, value] : query) {
        writer.member(name, value);
    }
    writer.end();
    return body;
}

std::string fingerprint(Operation operation, std::string_view canonicalBody) {
    return digest({operationName(operation), canonicalBody});
}

// --- Views

std::string messageId(const Message& message) {
    return message.conversation + '.' + std::to_string(message.seq);
}

std::string messageView(const Message& message, bool read) {
    std::string view;
    Writer writer(view);
    writer.object()
        .member("id", messageId(message))
        .member("conversationId", message.conversation)
        .member("seq", message.seq)
        .member("senderId", message.sender);
    writeTextOrNull(writer, "senderRole", message.senderRole);
    writer.member("content", message.content);
    writer.key("context").null().member("type", "text").key("data").null();
    writer.member("createdAt", isoTime(message.createdAt))
        .key("read")
        .boolean(read)
        .end();
    return view;
}

std::string conversationView(const Conversation& conversation, const Membership& mine,
                             const std::vector<User>& users) {
    std::string view;
    Writer writer(view);
    writer.object()
        .member("id", conversation.id)
        .member("kind", conversation.kind)
        .member("status", "open");
    writeTextOrNull(writer, "subject", conversation.subject);
    writer.key("context");
    if (conversation.contextType.empty()) {
        writer.null();
    } else {
        writer.object()
            .member("type", conversation.contextType)
            .member("id", conversation.contextId)
            .end();
    }
    writer.key("members").array();
    for (const std::string& member : conversation.members) {
        writeMember(writer, member, users);
    }
    writer.end();
    writer.member("createdAt", isoTime(conversation.createdAt));
    const Preview& last = mine.preview;
    writeTextOrNull(writer, "lastMessageAt",
                    last.seq == 0 ? std::string() : isoTime(last.createdAt));
    writeLastMessage(writer, last);
    writer.member("lastSeq", mine.lastSeq)
        .member("readSeq", mine.readSeq)
        .member("unreadCount", mine.unread());
    writer.key("archived").boolean(false).end();
    return view;
}

std::string identityView(const Identity& who) {
    std::string view;
    Writer writer(view);
    writer.object().member("id", who.user);
    writeTextOrNull(writer, "role", who.role);
    writeTextOrNull(writer, "name", who.name);
    writer.key("teams").array().end().end();
    return view;
}

std::string unreadEvent(const Membership& membership) {
    std::string data;
    Writer(data)
        .object()
        .member("conversationId", membership.conversation)
        .member("lastSeq", membership.lastSeq)
        .member("sent", membership.sent)
        .member("readSeq", membership.readSeq)
        .member("readSent", membership.readSent)
        .member("unreadCount", membership.unread())
        .end();
    return data;
}

std::string readEvent(std::string_view conversation, std::string_view member,
                      uint64_t readSeq) {
    std::string data;
    Writer(data)
        .object()
        .member("conversationId", conversation)
        .member("userId", member)
        .member("readSeq", readSeq)
        .end();
    return data;
}

std::string readView(const Membership& membership) {
    std::string view;
    Writer(view)
        .object()
        .member("conversationId", membership.conversation)
        .member("readSeq", membership.readSeq)
        .member("unreadCount", membership.unread())
        .end();
    return view;
}

}  // namespace messaging
