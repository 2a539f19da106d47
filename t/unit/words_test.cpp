// Tests for words: what a search compares, in the scripts that people write.
#include "worker/words.hpp"

#include <algorithm>

#include "schema/limits.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using worker::hasWords;
using worker::wantedWords;
using worker::wordsOf;

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

START_TEST(splits) {
    const struct {
        const char* text;
        const char* words;
    } kRows[] = {
        {"", ""},
        {" .,;!?\"'()*-_^:{}[]~@\\ ", ""},
        {"Château, château! CHATEAU", "chateau"},
        {"l'été «d'œuvre» Straße", "d ete l oeuvre strasse"},
        {"a-b_c*d:e^f", "a b c d e f"},
        {"DROP TABLE search; --", "drop search table"},
        {"24.50€ n°7", "24 50 7 n"},
        {"日本語 テスト", "テ 日 本 語 ス ト"},
        {"한국어 Ёлка, Αθήνα", "αθήνα елка 한국어"},
        {"ok👍🏽 \xE2\x9D\xA4\xEF\xB8\x8F",
         "ok \xE2\x9D\xA4 \xF0\x9F\x8F\xBD \xF0\x9F\x91\x8D"},
        {"¿qué? 5×3÷2", "2 3 5 que"},
    };
    for (const auto& row : kRows) {
        std::vector<std::string> wanted;
        std::string one;
        for (const char* at = row.words;; ++at) {
            if (*at == ' ' || *at == '\0') {
                if (!one.empty()) {
                    wanted.push_back(one);
                }
                one.clear();
                if (*at == '\0') {
                    break;
                }
            } else {
                one += *at;
            }
        }
        std::sort(wanted.begin(), wanted.end());
        EXPECT_TEXT(joined(wordsOf(row.text)), joined(wanted));
    }
}

START_TEST(bounds) {
    const std::string longest(limits::kMaxWord + 7, 'x');
    EXPECT_TEXT(joined(wordsOf(longest)), std::string(limits::kMaxWord, 'x'));
    EXPECT_TEXT(wantedWords(longest).begun, std::string(limits::kMaxWord, 'x'));
    std::string many;
    for (size_t i = 0; i < limits::kMaxWords + 5; ++i) {
        many += std::to_string(i) + " ";
    }
    ck_assert_uint_eq(wordsOf(many).size(), limits::kMaxWords);
}

START_TEST(wants) {
    ck_assert(wantedWords("!?").empty());
    EXPECT_TEXT(joined(wantedWords("bike the Bi").whole), "bi bike the");
    EXPECT_TEXT(wantedWords("bike the Bi").begun, "");
    EXPECT_TEXT(joined(wantedWords("the Bike the").whole), "bike the");
    EXPECT_TEXT(wantedWords("the Châ!").begun, "cha");
    const auto text = wordsOf("The château is for sale");
    for (const char* q : {"chateau", "Châ", "sale the", "IS", "for sal", "-- the"}) {
        ck_assert_msg(hasWords(text, wantedWords(q)), "%s", q);
    }
    for (const char* q :
         {"hateau", "ch", "sal the", "castle", "chateaux", "the bike"}) {
        ck_assert_msg(!hasWords(text, wantedWords(q)), "%s", q);
    }
}

}  // namespace

Suite* wordsSuite() {
    return suiteOf("words", {splits, bounds, wants});
}

}  // namespace messaging::unit
