// Reads Accept-Language. Whatever it says, there is an answer: what cannot be read in
// it is passed over, and past its bounds nothing is read at all.
#include "schema/language.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "schema/problem.hpp"

namespace messaging {

// The list comes from scripts/languages, a line for each file there is.
#define LANGUAGE(tag) std::string_view sentence_##tag(Code code);
#include "messaging_languages.inc"
#undef LANGUAGE

namespace {

// Browsers send up to some ten ranges.
constexpr size_t kMostBytes = 1024;
constexpr size_t kMostRanges = 32;

std::string_view englishSentence(Code code) {
    return problemKind(code).error;
}

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A'))
                                          : letter;
}

bool equalNoCase(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view withoutBlanks(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

// What stands before the separator; `rest` is what follows it.
std::string_view cut(std::string_view* rest, char separator) {
    const size_t at = rest->find(separator);
    const std::string_view first = rest->substr(0, at);
    rest->remove_prefix(at == rest->npos ? rest->size() : at + 1);
    return withoutBlanks(first);
}

// In thousandths: "0", "1", "0.8", "1.000"; nothing where it is no quality.
std::optional<int> parseQuality(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
        (text.size() > 1 && text[1] != '.')) {
        return std::nullopt;
    }
    int value = (text[0] - '0') * 1000;
    int unit = 100;
    for (const char digit : text.substr(std::min<size_t>(text.size(), 2))) {
        if (digit < '0' || digit > '9') {
            return std::nullopt;
        }
        value += (digit - '0') * unit;
        unit /= 10;
    }
    return value <= 1000 ? std::optional<int>(value) : std::nullopt;
}

struct Range {
    std::string_view primary;  // "*" for any
    bool whole = false;        // no region follows
    int quality = 1000;
};

std::optional<Range> parseRange(std::string_view text) {
    Range range;
    std::string_view tag = cut(&text, ';');
    while (!text.empty()) {
        std::string_view value = cut(&text, ';');
        if (!equalNoCase(cut(&value, '='), "q")) {
            continue;
        }
        const auto quality = parseQuality(withoutBlanks(value));
        if (!quality) {
            return std::nullopt;
        }
        range.quality = *quality;
    }
    range.whole = tag.find('-') == tag.npos;
    range.primary = cut(&tag, '-');
    return range;
}

// How much a language is wanted; -1: nobody said.
struct Wish {
    int quality = -1;
    size_t place = 0;
    bool excluded = false;

    void take(const Range& range, size_t at) {
        if (range.quality > quality) {
            quality = range.quality;
            place = at;
        }
        excluded = excluded || (range.whole && range.quality == 0);
    }
    bool before(const Wish& other) const {
        return quality > other.quality ||
               (quality == other.quality && place < other.place);
    }
};

}  // namespace

const Language kLanguages[] = {
    {"en", englishSentence},
#define LANGUAGE(tag) {#tag, sentence_##tag},
#include "messaging_languages.inc"
#undef LANGUAGE
};
const size_t kLanguageCount = std::size(kLanguages);

const Language* languageNamed(std::string_view tag) {
    for (const Language& language : kLanguages) {
        if (equalNoCase(language.tag, tag)) {
            return &language;
        }
    }
    return nullptr;
}

const Language& preferredLanguage(std::string_view header) {
    header = header.substr(0, kMostBytes);
    Wish wishes[std::size(kLanguages)];
    Wish any;
    for (size_t place = 0; !header.empty() && place < kMostRanges; place++) {
        const auto range = parseRange(cut(&header, ','));
        if (!range) {
            continue;
        }
        if (range->primary == "*") {
            any.take(*range, place);
            continue;
        }
        for (size_t i = 0; i < kLanguageCount; i++) {
            if (equalNoCase(range->primary, kLanguages[i].tag)) {
                wishes[i].take(*range, place);
            }
        }
    }
    size_t best = 0;
    Wish wish;
    wish.quality = 0;
    for (size_t i = 0; i < kLanguageCount; i++) {
        const Wish& own = wishes[i].quality < 0 ? any : wishes[i];
        if (!own.excluded && own.before(wish)) {
            best = i;
            wish = own;
        }
    }
    return kLanguages[best];
}

}  // namespace messaging
