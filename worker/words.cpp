// Letters are not looked up in Unicode's tables: what stands between words is, by the
// blocks that hold punctuation and symbols; all else is part of a word. Chinese and
// Japanese put nothing between words: there each character is one.
#include "worker/words.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "schema/limits.hpp"
#include "worker/fold.hpp"

namespace messaging::worker {
namespace {

struct Block {
    uint32_t first;
    uint32_t last;
};

// In order. Variation selectors and joiners are among them.
constexpr Block kBetween[] = {
    {0x00, 0x2F},     {0x3A, 0x40},      {0x5B, 0x60},     {0x7B, 0xA9},
    {0xAB, 0xB1},     {0xB4, 0xB4},      {0xB6, 0xB8},     {0xBB, 0xBB},
    {0xBF, 0xBF},     {0xD7, 0xD7},      {0xF7, 0xF7},     {0x2B0, 0x2FF},
    {0x300, 0x36F},   {0x37E, 0x37E},    {0x387, 0x387},   {0x55A, 0x55F},
    {0x589, 0x58A},   {0x5BE, 0x5BE},    {0x5F3, 0x5F4},   {0x60C, 0x60D},
    {0x61B, 0x61F},   {0x66A, 0x66D},    {0x6D4, 0x6D4},   {0x964, 0x965},
    {0x2000, 0x206F}, {0x20A0, 0x20CF},  {0x2190, 0x23FF}, {0x2500, 0x25FF},
    {0x2E00, 0x2E7F}, {0x3000, 0x3004},  {0x3008, 0x3020}, {0x3030, 0x3030},
    {0x303D, 0x303F}, {0x30FB, 0x30FB},  {0xFE00, 0xFE6F}, {0xFEFF, 0xFEFF},
    {0xFF00, 0xFF0F}, {0xFF1A, 0xFF20},  {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65},
    {0xFFF0, 0xFFFF}, {0xE0000, 0xE0FFF}};

// A word each: kana, ideographs, and pictures.
constexpr Block kAlone[] = {{0x2600, 0x27BF},   {0x3005, 0x3007},  {0x3041, 0x30FF},
                            {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},  {0xF900, 0xFAFF},
                            {0x1F000, 0x1FAFF}, {0x20000, 0x3FFFF}};

// Characters of a beginning that is looked for: fewer begin too many words.
constexpr size_t kFewest = 3;

template <size_t size>
bool within(const Block (&blocks)[size], uint32_t c) {
    const Block* at = std::upper_bound(
        std::begin(blocks), std::end(blocks), c,
        [](uint32_t one, const Block& block) { return one < block.first; });
    return at != std::begin(blocks) && c <= std::prev(at)->last;
}

// What people write otherwise where it is too much trouble.
std::string_view asWritten(uint32_t c) {
    switch (c) {
        case 0xDF:
        case 0x1E9E:
            return "ss";
        case 0xE6:
            return "ae";
        case 0x152:
        case 0x153:
            return "oe";
        case 0x451:
            return "\u0435";  // Cyrillic io: ie
        default:
            return {};
    }
}

struct Word {
    std::string text;
    size_t characters = 0;
};

// In the order of the text.
class Splitter {
public:
    explicit Splitter(size_t most) : most_(most) {}

    std::vector<Word> run(std::string_view text) {
        for (size_t at = 0; at < text.size() && words_.size() < most_;) {
            const auto lead = static_cast<unsigned char>(text[at]);
            const size_t bytes = lead < 0x80   ? 1
                                 : lead < 0xE0 ? 2
                                 : lead < 0xF0 ? 3
                                               : 4;
            const std::string_view character = text.substr(at, bytes);
            uint32_t c = bytes == 1 ? lead : lead & (0x7F >> bytes);
            for (const char next : character.substr(1)) {
                c = c << 6 | (static_cast<unsigned char>(next) & 0x3F);
            }
            at += character.size();
            put(c, character);
        }
        end();
        return std::move(words_);
    }

private:
    void put(uint32_t c, std::string_view character) {
        if (within(kBetween, c)) {
            end();
        } else if (within(kAlone, c)) {
            end();
            add(character);
            end();
        } else {
            const std::string_view other = asWritten(c);
            add(other.empty() ? character : other);
        }
    }
    void add(std::string_view letters) {
        if (word_.characters < limits::kMaxWord) {
            word_.text += letters;
            ++word_.characters;
        }
    }
    void end() {
        if (word_.characters > 0) {
            words_.push_back(std::move(word_));
            word_ = {};
        }
    }

    const size_t most_;
    std::vector<Word> words_;
    Word word_;
};

std::vector<std::string> sorted(std::vector<Word> words) {
    std::vector<std::string> texts;
    texts.reserve(words.size());
    for (Word& word : words) {
        texts.push_back(std::move(word.text));
    }
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return texts;
}

}  // namespace

std::vector<std::string> wordsOf(std::string_view text) {
    return sorted(Splitter(limits::kMaxWords).run(fold(text)));
}

Words wantedWords(std::string_view q) {
    std::vector<Word> words = Splitter(limits::kMaxSearch).run(fold(q));
    Words wanted;
    if (!words.empty() && words.back().characters >= kFewest) {
        wanted.begun = std::move(words.back().text);
        words.pop_back();
    }
    wanted.whole = sorted(std::move(words));
    return wanted;
}

bool hasWords(const std::vector<std::string>& words, const Words& wanted) {
    const bool all = std::includes(words.begin(), words.end(), wanted.whole.begin(),
                                   wanted.whole.end());
    const auto at = std::lower_bound(words.begin(), words.end(), wanted.begun);
    return all && (wanted.begun.empty() ||
                   (at != words.end() &&
                    at->compare(0, wanted.begun.size(), wanted.begun) == 0));
}

}  // namespace messaging::worker
