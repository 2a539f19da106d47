// UTF-8 by hand: one strict decoder, from which everything else here follows. Runs of
// ASCII go eight bytes at a time, because replies of megabytes pass through on nginx's
// event loop.
#include "schema/text.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "schema/limits.hpp"

namespace messaging {
namespace {

constexpr std::string_view kTeam = "team:";

struct CodePoint {
    uint32_t value = 0;
    size_t bytes = 0;  // 0: not valid
};

bool isContinuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// The code point at the start of `text`, which is not empty.
CodePoint decode(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) {
        return {lead, 1};
    }
    size_t bytes = 0;
    uint32_t least = 0;
    uint32_t value = 0;
    if (lead >= 0xC2 && lead <= 0xDF) {
        bytes = 2;
        least = 0x80;
        value = lead & 0x1F;
    } else if ((lead & 0xF0) == 0xE0) {
        bytes = 3;
        least = 0x800;
        value = lead & 0x0F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        bytes = 4;
        least = 0x10000;
        value = lead & 0x07;
    } else {
        return {};
    }
    if (text.size() < bytes) {
        return {};
    }
    for (size_t i = 1; i < bytes; ++i) {
        if (!isContinuation(text[i])) {
            return {};
        }
        value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
    }
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < least || value > 0x10FFFF || surrogate) {
        return {};
    }
    return {value, bytes};
}

// The code point at the end of valid, not empty text.
CodePoint decodeLast(std::string_view text) {
    size_t start = text.size() - 1;
    while (start > 0 && isContinuation(text[start])) {
        --start;
    }
    return decode(text.substr(start));
}

// Bytes of ASCII at the start of `text`, in whole groups of eight.
size_t asciiGroups(std::string_view text) {
    size_t at = 0;
    while (text.size() - at >= sizeof(uint64_t)) {
        uint64_t group;
        std::memcpy(&group, text.data() + at, sizeof group);
        if ((group & 0x8080808080808080u) != 0) {
            break;
        }
        at += sizeof group;
    }
    return at;
}

bool isSpace(uint32_t c) {
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

bool isControl(uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c <= 0x9F);
}

}  // namespace

std::optional<size_t> countCharacters(std::string_view text) {
    size_t count = 0;
    while (!text.empty()) {
        const size_t plain = asciiGroups(text);
        count += plain;
        text.remove_prefix(plain);
        // What stopped the run stands within the next eight bytes.
        for (size_t i = 0; i < sizeof(uint64_t) && !text.empty(); ++i) {
            const CodePoint next = decode(text);
            if (next.bytes == 0) {
                return std::nullopt;
            }
            text.remove_prefix(next.bytes);
            ++count;
        }
    }
    return count;
}

std::string_view trim(std::string_view text) {
    while (!text.empty()) {
        const CodePoint first = decode(text);
        if (first.bytes == 0 || !isSpace(first.value)) {
            break;
        }
        text.remove_prefix(first.bytes);
    }
    while (!text.empty()) {
        const CodePoint last = decodeLast(text);
        if (last.bytes == 0 || !isSpace(last.value)) {
            break;
        }
        text.remove_suffix(last.bytes);
    }
    return text;
}

std::string preview(std::string_view text, size_t characters) {
    if (characters == 0) {
        return {};
    }
    size_t end = 0;          // of what has been counted
    size_t withoutLast = 0;  // where the last counted character starts
    for (size_t count = 0; end < text.size(); ++count) {
        if (count == characters) {
            return std::string(text.substr(0, withoutLast)) + "…";
        }
        const CodePoint next = decode(text.substr(end));
        withoutLast = end;
        end += next.bytes == 0 ? 1 : next.bytes;
    }
    return std::string(text);
}

bool validName(std::string_view name, size_t characters) {
    size_t count = 0;
    while (!name.empty()) {
        const CodePoint next = decode(name);
        if (next.bytes == 0 || isControl(next.value) || ++count > characters) {
            return false;
        }
        name.remove_prefix(next.bytes);
    }
    return true;
}

bool validId(std::string_view id) {
    return !id.empty() && validName(id, limits::kMaxId) && trim(id).size() == id.size();
}

bool validUser(std::string_view id) {
    return validId(id) && id.substr(0, kTeam.size()) != kTeam;
}

std::string teamId(std::string_view role) {
    return std::string(kTeam).append(role);
}

std::string_view teamRole(std::string_view id) {
    const bool team = id.substr(0, kTeam.size()) == kTeam && validId(id);
    return team ? id.substr(kTeam.size()) : std::string_view();
}

bool validMember(std::string_view id) {
    return validUser(id) || !teamRole(id).empty();
}

bool validWord(std::string_view word) {
    return !word.empty() && word.size() <= limits::kMaxWord &&
           std::all_of(word.begin(), word.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
           });
}

std::string isoTime(uint64_t unixMilliseconds) {
    constexpr uint64_t kLatest = 253402300799999;  // the end of the year 9999
    const uint64_t time = unixMilliseconds < kLatest ? unixMilliseconds : kLatest;

    // Days to a date of the Gregorian calendar, by eras of 400 years that start in
    // March.
    const uint64_t days = time / 86400000 + 719468;
    const uint64_t era = days / 146097;
    const uint64_t dayOfEra = days % 146097;
    const uint64_t yearOfEra =
        (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
    const uint64_t dayOfYear =
        dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    const uint64_t march = (5 * dayOfYear + 2) / 153;  // months since March
    const uint64_t day = dayOfYear - (153 * march + 2) / 5 + 1;
    const uint64_t month = march < 10 ? march + 3 : march - 9;
    const uint64_t year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);

    const uint64_t ofDay = time % 86400000;
    char text[32];
    const int length = std::snprintf(
        text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
        static_cast<unsigned>(year % 10000), static_cast<unsigned>(month % 100),
        static_cast<unsigned>(day % 100), static_cast<unsigned>(ofDay / 3600000 % 24),
        static_cast<unsigned>(ofDay / 60000 % 60),
        static_cast<unsigned>(ofDay / 1000 % 60), static_cast<unsigned>(ofDay % 1000));
    return std::string(text, static_cast<size_t>(length));
}

std::optional<uint64_t> parseUnsigned(std::string_view digits) {
    if (digits.empty()) {
        return std::nullopt;
    }
    uint64_t value = 0;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9') {
            return std::nullopt;
        }
        const auto next = static_cast<uint64_t>(digit - '0');
        if (value > (UINT64_MAX - next) / 10) {
            return std::nullopt;
        }
        value = value * 10 + next;
    }
    return value;
}

}  // namespace messaging
