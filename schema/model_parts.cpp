// What arguments of several operations are made of, in and out again.
#include "schema/model_parts.hpp"

#include <algorithm>

#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging {

using json::Type;
using json::Value;
using json::Writer;

Status invalid(std::string_view field) {
    return {Code::InvalidField, "arguments", std::string(field)};
}

Status missing(std::string_view field) {
    return {Code::MissingField, "arguments", std::string(field)};
}

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

Result<Value> parseOptions(std::string_view body,
                           std::initializer_list<std::string_view> names) {
    return parseObject(body.empty() ? "{}" : body, names);
}

Result<std::string> parseLine(const Value& value, std::string_view field,
                              size_t characters) {
    const std::string_view line = trim(value.text);
    if (!value.is(Type::String) || line.empty() || !validName(line, characters)) {
        return invalid(field);
    }
    return std::string(line);
}

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

Status readLimit(const Value& object, unsigned most, unsigned* limit) {
    std::optional<uint64_t> number;
    if (Status status = readNumber(object, "limit", &number); !status.ok()) {
        return status;
    }
    if (number && (*number < 1 || *number > most)) {
        return invalid("limit");
    }
    if (number) {
        *limit = static_cast<unsigned>(*number);
    }
    return {};
}

namespace {

// Absent stays empty.
Status readCursor(const Value& object, std::string* cursor) {
    const Value* value = object.find("cursor");
    if (value == nullptr) {
        return {};
    }
    if (!value->is(Type::String)) {
        return invalid("cursor");
    }
    if (value->text.size() > limits::kMaxCursor) {
        return {Code::InvalidCursor, "too long", "cursor"};
    }
    *cursor = value->text;
    return {};
}

}  // namespace

Status readQuery(const Value& object, std::string* q, unsigned* limit,
                 std::string* cursor) {
    if (const Value* words = object.find("q")) {
        Result<std::string> line = parseLine(*words, "q", limits::kMaxSearch);
        if (!line.ok()) {
            return line.status();
        }
        *q = std::move(line.value());
    }
    Status status = readLimit(object, limits::kMaxPage, limit);
    return status.ok() ? readCursor(object, cursor) : status;
}

Result<bool> parseStatus(const Value& value) {
    if (!value.is(Type::String) || (value.text != kOpen && value.text != kClosed)) {
        return invalid("status");
    }
    return value.text == kClosed;
}

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

void writeContext(Writer& writer, const Context& context) {
    if (!context.type.empty()) {
        writer.key("context").object().member("type", context.type);
        writer.member("id", context.id).end();
    }
}

}  // namespace messaging
