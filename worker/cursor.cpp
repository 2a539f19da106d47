// base64url without padding (RFC 4648) over "ACTIVITY ACTIVITY LENGTH ID ID": the first
// id is LENGTH bytes long, so that an id may have any characters. A team's walk stands
// before it: "+ACTIVITY ACTIVITY LENGTH ID LENGTH ID ".
#include "worker/cursor.hpp"

#include <cstdint>

#include "schema/text.hpp"

namespace messaging::worker {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string toBase64(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size() * 4 / 3 + 3);
    uint32_t bits = 0;
    int count = 0;  // of bits not written yet
    for (const char byte : bytes) {
        bits = bits << 8 | static_cast<unsigned char>(byte);
        for (count += 8; count >= 6; count -= 6) {
            text += kDigits[bits >> (count - 6) & 63];
        }
    }
    if (count > 0) {
        text += kDigits[bits << (6 - count) & 63];
    }
    return text;
}

std::optional<std::string> fromBase64(std::string_view text) {
    std::string bytes;
    uint32_t bits = 0;
    int count = 0;
    for (const char digit : text) {
        const size_t value = kDigits.find(digit);
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>(bits >> count & 255);
        }
    }
    return bytes;
}

// The number before the next space, which is taken off too.
std::optional<uint64_t> takeNumber(std::string_view& text) {
    const size_t space = text.find(' ');
    if (space == std::string_view::npos) {
        return std::nullopt;
    }
    const std::optional<uint64_t> number = parseUnsigned(text.substr(0, space));
    text.remove_prefix(space + 1);
    return number;
}

// "LENGTH ID " where LENGTH was taken off: the id.
std::optional<std::string> takeId(std::string_view& text, uint64_t length) {
    if (length >= text.size() || text[length] != ' ') {
        return std::nullopt;
    }
    std::string id(text.substr(0, length));
    text.remove_prefix(length + 1);
    return id;
}

std::string textOf(const ListWalk& walk) {
    return std::to_string(walk.start.activity) + ' ' +
           std::to_string(walk.last.activity) + ' ' +
           std::to_string(walk.start.conversation.size()) + ' ' +
           walk.start.conversation + ' ';
}

// All but the last id, which may end the text.
std::optional<ListWalk> takeWalk(std::string_view& text) {
    const std::optional<uint64_t> start = takeNumber(text);
    const std::optional<uint64_t> last = start ? takeNumber(text) : std::nullopt;
    const std::optional<uint64_t> length = last ? takeNumber(text) : std::nullopt;
    std::optional<std::string> id = length ? takeId(text, *length) : std::nullopt;
    if (!id) {
        return std::nullopt;
    }
    ListWalk walk;
    walk.start = {*start, std::move(*id)};
    walk.last.activity = *last;
    return walk;
}

// A place, or where `edge` is given the one without a conversation.
bool validPlace(const ListPlace& place, std::optional<uint64_t> edge) {
    return place.activity <= kLatest &&
           (validId(place.conversation) ||
            (place.conversation.empty() && place.activity == edge));
}

bool validWalk(const ListWalk& walk, bool edges) {
    const std::optional<uint64_t> none;
    return validPlace(walk.start, edges ? kOldest : none) &&
           validPlace(walk.last, edges ? kLatest : none);
}

}  // namespace

std::string encodeCursor(const ListCursor& cursor) {
    std::string bytes;
    if (cursor.team) {
        const std::string& last = cursor.team->last.conversation;
        bytes =
            '+' + textOf(*cursor.team) + std::to_string(last.size()) + ' ' + last + ' ';
    }
    return toBase64(bytes + textOf(cursor.own) + cursor.own.last.conversation);
}

std::optional<ListCursor> decodeCursor(std::string_view text) {
    const std::optional<std::string> bytes = fromBase64(text);
    if (!bytes) {
        return std::nullopt;
    }
    std::string_view rest = *bytes;
    ListCursor cursor;
    if (rest.substr(0, 1) == "+") {
        rest.remove_prefix(1);
        cursor.team = takeWalk(rest);
        const auto length = cursor.team ? takeNumber(rest) : std::nullopt;
        std::optional<std::string> last = length ? takeId(rest, *length) : std::nullopt;
        if (!last) {
            return std::nullopt;
        }
        cursor.team->last.conversation = std::move(*last);
    }
    const std::optional<ListWalk> own = takeWalk(rest);
    if (!own) {
        return std::nullopt;
    }
    cursor.own = *own;
    cursor.own.last.conversation = rest;
    // One text for one place: what we would not have written is not ours.
    const bool both = cursor.team.has_value();
    const bool ours = validWalk(cursor.own, both) &&
                      (!both || validWalk(*cursor.team, true)) &&
                      encodeCursor(cursor) == text;
    return ours ? std::optional<ListCursor>(cursor) : std::nullopt;
}

}  // namespace messaging::worker
