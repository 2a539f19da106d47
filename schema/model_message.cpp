// What a message says, wherever one is sent: with a start, or by itself.
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

}  // namespace

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

void writeExtras(Writer& writer, const SendArguments& extras) {
    writeContext(writer, extras.context);
    if (!extras.type.empty()) {
        writer.member("type", extras.type);
    }
    if (!extras.data.empty()) {
        writer.key("data").raw(extras.data);
    }
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

}  // namespace messaging
