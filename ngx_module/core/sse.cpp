// A frame's data is one line of JSON and its type a lower-case word: both were checked
// where they were decoded, so nothing here can break out of its line.
#include "ngx_module/core/sse.hpp"

#include <charconv>

#include "schema/keys.hpp"
#include "schema/text.hpp"

namespace messaging::core {
namespace {

constexpr size_t kMaxCursorText =
    kRunDigits + 64;                      // three numbers of 20 digits at most
constexpr size_t kKeptBytes = 64 * 1024;  // of a block that was cleared

void appendNumber(std::string& out, uint64_t number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number);
    out.append(digits, end.ptr);
}

void appendFrame(std::string& out, const Event& event) {
    out += "\nevent: ";
    out += event.type;
    out += "\ndata: ";
    out += event.data;
    out += "\n\n";
}

void appendRetry(std::string& out, uint64_t retry) {
    out += "retry: ";
    appendNumber(out, retry);
    out += '\n';
}

}  // namespace

std::optional<Cursor> parseCursor(std::string_view text, std::string_view run) {
    if (text.size() > kMaxCursorText || run.empty() || text.size() <= run.size() ||
        text.substr(0, run.size()) != run || text[run.size()] != '.') {
        return std::nullopt;
    }
    text.remove_prefix(run.size() + 1);
    const size_t dot = text.find('.');
    const std::optional<LogId> id = parseLogId(text.substr(0, dot));
    if (!id) {
        return std::nullopt;
    }
    if (dot == std::string_view::npos) {
        return Cursor{*id, 0};
    }
    const std::string_view digits = text.substr(dot + 1);
    const std::optional<uint64_t> events = parseUnsigned(digits);
    if (!events || digits[0] == '0' || *events > UINT32_MAX) {
        return std::nullopt;
    }
    return Cursor{*id, static_cast<uint32_t>(*events)};
}

void appendCursor(std::string& out, std::string_view run, const Cursor& cursor) {
    out += run;
    out += '.';
    appendNumber(out, cursor.id.milliseconds);
    out += '-';
    appendNumber(out, cursor.id.sequence);
    if (cursor.events != 0) {
        out += '.';
        appendNumber(out, cursor.events);
    }
}

size_t eventsOf(const Batch& batch) {
    size_t events = 0;
    for (size_t i = 0; i < batch.count; ++i) {
        events += batch.first[i].events.size();
    }
    return events - (batch.count == 0 ? 0 : batch.skip);
}

void appendBatch(std::string& out, std::string_view run, const Batch& batch) {
    size_t skip = batch.skip;
    for (size_t i = 0; i < batch.count; ++i) {
        const Entry& entry = batch.first[i];
        for (size_t k = skip; k < entry.events.size(); ++k) {
            const bool last = k + 1 == entry.events.size();
            out += "id: ";
            appendCursor(out, run, {entry.id, last ? 0 : static_cast<uint32_t>(k + 1)});
            appendFrame(out, entry.events[k]);
        }
        skip = 0;
    }
}

void appendHello(std::string& out, std::string_view run, const Cursor& cursor,
                 std::string_view identity, bool resumed, uint64_t retry) {
    appendRetry(out, retry);
    out += "id: ";
    appendCursor(out, run, cursor);
    out += "\nevent: hello\ndata: ";
    if (identity.size() > 2) {  // more than {}
        out += identity.substr(0, identity.size() - 1);
        out += ',';
    } else {
        out += '{';
    }
    out += resumed ? "\"resumed\":true}\n\n" : "\"resumed\":false}\n\n";
}

void appendReset(std::string& out, std::string_view run, const LogId& id,
                 std::string_view reason) {
    out += "id: ";
    appendCursor(out, run, {id, 0});
    out += "\nevent: reset\ndata: {\"reason\":\"";
    out += reason;
    out += "\"}\n\n";
}

void appendBye(std::string& out, std::string_view code, uint64_t retry) {
    appendRetry(out, retry);
    out += "event: bye\ndata: {\"code\":\"";
    out += code;
    out += "\"}\n\n";
}

void Block::clear() {
    if (bytes_.capacity() > kKeptBytes) {
        std::string().swap(bytes_);
    }
    bytes_.assign(kHead, ' ');
    closed_ = false;
}

std::string_view Block::plain() {
    if (closed_) {
        bytes_.resize(bytes_.size() - 2);
        closed_ = false;
    }
    return std::string_view(bytes_).substr(kHead);
}

std::string_view Block::chunk() {
    const size_t length = plain().size();
    if (length == 0) {
        return {};
    }
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof digits, length, 16);
    const auto count = static_cast<size_t>(end.ptr - digits);
    const size_t start = kHead - 2 - count;
    bytes_.replace(start, count, digits, count);
    bytes_.replace(kHead - 2, 2, "\r\n");
    bytes_ += "\r\n";
    closed_ = true;
    return std::string_view(bytes_).substr(start);
}

}  // namespace messaging::core
