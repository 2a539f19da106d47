// Arguments of what is answered in pages: a conversation's messages, a thread, the
// list. Of a query all are text, of the module some are numbers; both are taken.
#include "schema/model.hpp"

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
    const Status status =
        readQuery(object.value(), &arguments.q, &arguments.limit, &arguments.cursor);
    return status.ok() ? Result<ListArguments>(std::move(arguments)) : status;
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
