// Arguments of what stores nothing: a search, who types, who comes and goes.
#include "schema/json.hpp"
#include "schema/model.hpp"
#include "schema/model_parts.hpp"

namespace messaging {

Result<SearchArguments> parseSearch(std::string_view body) {
    const Result<json::Value> object = parseOptions(body, {"q", "cursor", "limit"});
    if (!object.ok()) {
        return object.status();
    }
    if (object->find("q") == nullptr) {
        return missing("q");
    }
    SearchArguments arguments;
    const Status status =
        readQuery(object.value(), &arguments.q, &arguments.limit, &arguments.cursor);
    return status.ok() ? Result<SearchArguments>(std::move(arguments)) : status;
}

std::string encode(const SearchArguments& arguments) {
    std::string body;
    json::Writer writer(body);
    writer.object().member("q", arguments.q);
    if (!arguments.cursor.empty()) {
        writer.member("cursor", arguments.cursor);
    }
    writer.member("limit", uint64_t{arguments.limit}).end();
    return body;
}

Result<TypingArguments> parseTyping(std::string_view body) {
    const Result<json::Value> object = parseOptions(body, {"typing"});
    if (!object.ok()) {
        return object.status();
    }
    TypingArguments arguments;
    if (const json::Value* typing = object->find("typing")) {
        if (!typing->is(json::Type::Bool)) {
            return invalid("typing");
        }
        arguments.typing = typing->boolean;
    }
    return arguments;
}

std::string encode(const TypingArguments& arguments) {
    std::string body;
    json::Writer writer(body);
    writer.object().key("typing").boolean(arguments.typing).end();
    return body;
}

Result<PresenceArguments> parsePresence(std::string_view body) {
    const Result<json::Value> object = parseOptions(body, {"online", "lastSeenAt"});
    if (!object.ok()) {
        return object.status();
    }
    PresenceArguments arguments;
    const json::Value* online = object->find("online");
    if (online == nullptr || !online->is(json::Type::Bool)) {
        return invalid("online");
    }
    arguments.online = online->boolean;
    const json::Value* lastSeen = object->find("lastSeenAt");
    if (lastSeen == nullptr || !lastSeen->unsignedInteger(&arguments.lastSeen)) {
        return invalid("lastSeenAt");
    }
    return arguments;
}

std::string encode(const PresenceArguments& arguments) {
    std::string body;
    json::Writer writer(body);
    writer.object().key("online").boolean(arguments.online);
    writer.member("lastSeenAt", arguments.lastSeen).end();
    return body;
}

}  // namespace messaging
