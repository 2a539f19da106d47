// base64url without padding (RFC 4648) over "ACTIVITY ACTIVITY LENGTH ID ID": the first
// id is LENGTH bytes long, so that an id may have any characters.
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

}  // namespace

std::string encodeCursor(const ListCursor& cursor) {
    return toBase64(std::to_string(cursor.start.activity) + ' ' +
                    std::to_string(cursor.last.activity) + ' ' +
                    std::to_string(cursor.start.conversation.size()) + ' ' +
                    cursor.start.conversation + ' ' + cursor.last.conversation);
}

std::optional<ListCursor> decodeCursor(std::string_view text) {
    const std::optional<std::string> bytes = fromBase64(text);
    if (!bytes) {
        return std::nullopt;
    }
    std::string_view rest = *bytes;
    const std::optional<uint64_t> start = takeNumber(rest);
    const std::optional<uint64_t> last = start ? takeNumber(rest) : std::nullopt;
    const std::optional<uint64_t> length = last ? takeNumber(rest) : std::nullopt;
    if (!length || *length >= rest.size() || rest[*length] != ' ') {
        return std::nullopt;
    }
    ListCursor cursor;
    cursor.start = {*start, std::string(rest.substr(0, *length))};
    cursor.last = {*last, std::string(rest.substr(*length + 1))};
    // One text for one place: what we would not have written is not ours.
    constexpr uint64_t kLatest = INT64_MAX;
    const bool ours = validId(cursor.start.conversation) &&
                      validId(cursor.last.conversation) && *start <= kLatest &&
                      *last <= kLatest && encodeCursor(cursor) == text;
    return ours ? std::optional<ListCursor>(cursor) : std::nullopt;
}

}  // namespace messaging::worker
