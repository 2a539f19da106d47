// A frame's data is one line of JSON and its type a lower-case word: both were checked
// where they were decoded, so nothing here can break out of its line.
#include "ngx_module/core/sse.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "schema/keys.hpp"
#include "schema/model.hpp"
#include "schema/text.hpp"

namespace messaging::core {
namespace {

constexpr size_t kMaxCursorText =
    kRunDigits + 64;                      // three numbers of 20 digits at most
constexpr size_t kKeptBytes = 64 * 1024;  // of a block that was cleared

std::string tagText(uint64_t tag) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx",
                  static_cast<unsigned long long>(tag));
    return digits;
}

void appendNumber(std::string& out, uint64_t number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number);
    out.append(digits, end.ptr);
}

void appendFrame(std::string& out, const Event& event) {
    out += "event: ";
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

std::optional<Place> parsePlace(std::string_view text, std::string_view run,
                                uint64_t tag) {
    const size_t plus = tag == 0 ? std::string_view::npos : text.find('+');
    if (tag != 0 && plus == std::string_view::npos) {
        return std::nullopt;
    }
    Place place;
    place.tag = tag;
    const std::optional<Cursor> own = parseCursor(text.substr(0, plus), run);
    const std::optional<Cursor> team =
        tag == 0 ? Cursor() : parseCursor(text.substr(plus + 1), tagText(tag));
    if (!own || !team) {
        return std::nullopt;
    }
    place.own = *own;
    place.team = *team;
    return place;
}

void appendPlace(std::string& out, std::string_view run, const Place& place) {
    appendCursor(out, run, place.own);
    if (place.tag != 0) {
        out += '+';
        appendCursor(out, tagText(place.tag), place.team);
    }
}

size_t eventsOf(const Batch& batch) {
    size_t events = 0;
    for (size_t i = 0; i < batch.count; ++i) {
        events += batch.first[i].events.size();
    }
    return events - (batch.count == 0 ? 0 : batch.skip);
}

void appendBatch(std::string& out, std::string_view run, const Batch& batch,
                 const Place& place) {
    Place at = place;
    Cursor& moving = batch.team ? at.team : at.own;
    size_t skip = batch.skip;
    for (size_t i = 0; i < batch.count; ++i) {
        const Entry& entry = batch.first[i];
        for (size_t k = skip; k < entry.events.size(); ++k) {
            if (entry.events[k].type == kRevoked) {
                continue;
            }
            const bool last = k + 1 == entry.events.size();
            moving = {entry.id, last ? 0 : static_cast<uint32_t>(k + 1)};
            out += "id: ";
            appendPlace(out, run, at);
            out += '\n';
            appendFrame(out, entry.events[k]);
        }
        skip = 0;
    }
}

void appendWhisper(std::string& out, const Entry& entry) {
    for (const Event& event : entry.events) {
        appendFrame(out, event);
    }
}

bool revokes(const Batch& batch, uint64_t tag) {
    if (tag == 0 || batch.team) {
        return false;
    }
    const auto says = [&](const Event& event) {
        return event.type == kRevoked && event.data == revokedEvent(tagText(tag));
    };
    return std::any_of(batch.first, batch.first + batch.count, [&](const Entry& entry) {
        return std::any_of(entry.events.begin(), entry.events.end(), says);
    });
}

void appendHello(std::string& out, std::string_view run, const Place& place,
                 std::string_view identity, bool resumed, uint64_t retry) {
    appendRetry(out, retry);
    out += "id: ";
    appendPlace(out, run, place);
    out += "\nevent: hello\ndata: ";
    if (identity.size() > 2) {  // more than {}
        out += identity.substr(0, identity.size() - 1);
        out += ',';
    } else {
        out += '{';
    }
    out += resumed ? "\"resumed\":true}\n\n" : "\"resumed\":false}\n\n";
}

void appendReset(std::string& out, std::string_view run, const Place& place,
                 std::string_view reason) {
    out += "id: ";
    appendPlace(out, run, place);
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
