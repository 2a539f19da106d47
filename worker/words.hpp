// What a search compares: a text's words, without case and diacritics. Both stores keep
// and ask for these and nothing else, so that they find the same. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace messaging::worker {

// Sorted, none twice; of a text of more than kMaxWords, the first ones. A word is
// letters and digits; what stands between words never is part of one, nor of what a
// store is asked.
std::vector<std::string> wordsOf(std::string_view text);

// What somebody looks for.
struct Words {
    std::vector<std::string> whole;
    std::string begun = {};  // the beginning of a word; empty: none

    bool empty() const { return whole.empty() && begun.empty(); }
};

// The last word that somebody types may not be all of it yet.
Words wantedWords(std::string_view q);

// Whether all of them are among a text's words.
bool hasWords(const std::vector<std::string>& words, const Words& wanted);

}  // namespace messaging::worker
