// Arguments of what changes a conversation for somebody: marking it read, closing,
// archiving, another subject.
#include "schema/model.hpp"

#include "schema/json.hpp"
#include "schema/model_parts.hpp"

namespace messaging {

using json::Type;
using json::Value;
using json::Writer;

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

}  // namespace messaging
