// What arguments are made of, as model.cpp and model_search.cpp read them.
#include "schema/model_parts.hpp"

#include <algorithm>

#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging {

using json::Type;
using json::Value;

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

}  // namespace messaging
