// JSON as it leaves us, safe inside HTML and on one line; and the canonical form, by
// which two values that say the same are the same text.
#include "schema/json.hpp"

#include <algorithm>
#include <array>

namespace messaging::json {
namespace {

// Bytes that do not stand for themselves, or may not: 0xE2 begins U+2028 and U+2029.
constexpr std::array<bool, 256> specialBytes() {
    std::array<bool, 256> special{};
    for (size_t byte = 0; byte < 0x20; ++byte) {
        special[byte] = true;
    }
    for (const unsigned char byte : {'"', '\\', '<', '>', '&', '\x7F'}) {
        special[byte] = true;
    }
    special[0xE2] = true;
    return special;
}
constexpr std::array<bool, 256> kSpecial = specialBytes();

void appendUnit(std::string& out, unsigned unit) {
    constexpr char kHex[] = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) {
        out += kHex[unit >> shift & 15];
    }
}

void appendQuoted(std::string& out, std::string_view text) {
    out += '"';
    size_t plain = 0;  // start of the run not yet written
    for (size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (!kSpecial[byte]) {
            continue;
        }
        size_t width = 1;
        unsigned unit = byte;
        if (byte == 0xE2) {
            const std::string_view character = text.substr(at, 3);
            if (character != "\u2028" && character != "\u2029") {
                continue;
            }
            width = 3;
            unit = character == "\u2028" ? 0x2028 : 0x2029;
        }
        out.append(text, plain, at - plain);
        plain = at + width;
        at = plain - 1;
        switch (unit) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                appendUnit(out, unit);
        }
    }
    out.append(text, plain, text.size() - plain);
    out += '"';
}

// No deeper than the parser let the document be.
void write(Writer& writer, const Value& value) {
    switch (value.type) {
        case Type::Null:
            writer.null();
            return;
        case Type::Bool:
            writer.boolean(value.boolean);
            return;
        case Type::Number:
            writer.raw(value.text);
            return;
        case Type::String:
            writer.string(value.text);
            return;
        case Type::Array:
            writer.array();
            for (const Value& item : value.items) {
                write(writer, item);
            }
            writer.end();
            return;
        case Type::Object:
            break;
    }
    std::vector<const Value::Member*> members;
    for (const Value::Member& member : value.members) {
        members.push_back(&member);
    }
    std::sort(members.begin(), members.end(), [](const auto* left, const auto* right) {
        return left->first < right->first;
    });
    writer.object();
    for (const Value::Member* member : members) {
        writer.key(member->first);
        write(writer, member->second);
    }
    writer.end();
}

}  // namespace

void Writer::separate() {
    if (!first_ && !afterKey_) {
        out_ += ',';
    }
    first_ = false;
    afterKey_ = false;
}

Writer& Writer::object() {
    separate();
    out_ += '{';
    closers_.push_back('}');
    first_ = true;
    return *this;
}

Writer& Writer::array() {
    separate();
    out_ += '[';
    closers_.push_back(']');
    first_ = true;
    return *this;
}

Writer& Writer::end() {
    out_ += closers_.back();
    closers_.pop_back();
    first_ = false;
    return *this;
}

Writer& Writer::key(std::string_view name) {
    separate();
    appendQuoted(out_, name);
    out_ += ':';
    afterKey_ = true;
    return *this;
}

Writer& Writer::string(std::string_view text) {
    separate();
    appendQuoted(out_, text);
    return *this;
}

Writer& Writer::number(uint64_t value) {
    separate();
    out_ += std::to_string(value);
    return *this;
}

Writer& Writer::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
    return *this;
}

Writer& Writer::null() {
    separate();
    out_ += "null";
    return *this;
}

Writer& Writer::raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
}

std::string canonical(const Value& value) {
    std::string text;
    Writer writer(text);
    write(writer, value);
    return text;
}

}  // namespace messaging::json
