// Letters that Unicode decomposes into an ASCII letter and marks, by table; other
// alphabets by the distance of their cases.
#include "worker/fold.hpp"

#include <cstdint>

namespace messaging::worker {
namespace {

// U+00C0 to U+024F; "." has no such letter.
constexpr uint32_t kLatin = 0xC0;
constexpr std::string_view kLatinLetters =
    "aaaaaa.ceeeeiiii.nooooo.ouuuuy..aaaaaa.ceeeeiiii.nooooo.ouuuuy.y"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkk.llllll."
    ".llnnnnnn...oooooo..rrrrrrsssssssstttt..uuuuuuuuuuuuwwyyyzzzzzz."
    "................................oo.............uu..............."
    ".............aaiioouuuuuuuuuu.aaaa....ggkkoooo..j...gg..nnaa...."
    "aaaaeeeeiiiioooorrrruuuusstt..hh......aaeeooooooooyy............"
    "................";

// U+1E00 to U+1EFF.
constexpr uint32_t kMoreLatin = 0x1E00;
constexpr std::string_view kMoreLatinLetters =
    "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
    "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
    "wwwwwwwwwwxxxxyyzzzzzzhtwy......aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
    "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......";

// 0: it is left out.
uint32_t foldOne(uint32_t c) {
    if (c < 0x80) {
        return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
    }
    char letter = '.';
    if (c >= kLatin && c - kLatin < kLatinLetters.size()) {
        letter = kLatinLetters[c - kLatin];
    } else if (c >= kMoreLatin && c - kMoreLatin < kMoreLatinLetters.size()) {
        letter = kMoreLatinLetters[c - kMoreLatin];
    }
    if (letter != '.') {
        return static_cast<unsigned char>(letter);
    }
    if (c >= 0x300 && c <= 0x36F) {
        return 0;
    }
    const bool upper = (c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
                       (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F);
    if (upper) {
        return c + 0x20;
    }
    return c >= 0x400 && c <= 0x40F ? c + 0x50 : c;
}

// Only what foldOne() changes; below U+0800.
void append(std::string& out, uint32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else {
        out += static_cast<char>(0xC0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 0x3F));
    }
}

}  // namespace

std::string fold(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        const std::string_view character = text.substr(at, bytes);
        uint32_t c = bytes == 1 ? lead : lead & (0x7F >> bytes);
        for (const char next : character.substr(1)) {
            c = c << 6 | (static_cast<unsigned char>(next) & 0x3F);
        }
        at += character.size();
        const uint32_t folded = foldOne(c);
        if (folded == c) {
            out += character;
        } else if (folded != 0) {
            append(out, folded);
        }
    }
    return out;
}

}  // namespace messaging::worker
