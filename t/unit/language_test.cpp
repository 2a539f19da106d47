// Tests for languages: every code has its own words in each, with the same
// placeholders; Accept-Language by RFC 9110, in what browsers send and what nobody
// should.
#include "schema/language.hpp"

#include <set>

#include "schema/problem.hpp"
#include "schema/text.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

bool hasField(std::string_view sentence) {
    return sentence.find("{field}") != sentence.npos;
}

START_TEST(everyCodeInEveryLanguage) {
    ck_assert_uint_ge(kLanguageCount, 2);
    EXPECT_TEXT(kLanguages[0].tag, "en");
    for (size_t i = 0; i < kLanguageCount; i++) {
        const Language& language = kLanguages[i];
        ck_assert(languageNamed(language.tag) == &language);
        for (int number = 1;
             problemKind(static_cast<Code>(number)).code == static_cast<Code>(number);
             number++) {
            const Code code = static_cast<Code>(number);
            const std::string_view english = problemKind(code).error;
            const std::string_view sentence = language.sentence(code);
            EXPECT_FOR(countCharacters(sentence).value_or(0) > 10, sentence);
            EXPECT_FOR(sentence.back() == '.', sentence);
            EXPECT_FOR(hasField(sentence) == hasField(english), sentence);
            EXPECT_FOR(i == 0 || sentence != english, sentence);
        }
        ck_assert(!language.sentence(Code::Ok).empty());
        ck_assert(!language.sentence(static_cast<Code>(999)).empty());
    }
}

START_TEST(namedExactly) {
    EXPECT_TEXT(languageNamed("fr")->tag, "fr");
    EXPECT_TEXT(languageNamed("FR")->tag, "fr");
    for (const char* tag : {"", "*", "auto", "f", "fra", "fr-CA", "fr ", "xx"}) {
        EXPECT_FOR(languageNamed(tag) == nullptr, tag);
    }
}

START_TEST(prefers) {
    const struct {
        const char* header;
        const char* language;
    } kRows[] = {
        {"", "en"},
        {"fr", "fr"},
        {"FR", "fr"},
        {"fr-CA", "fr"},
        {"fr-Latn-CA-x-private", "fr"},
        {"en", "en"},
        {"en-GB,en;q=0.9", "en"},
        {"xx", "en"},
        {"xx, yy;q=0.5", "en"},
        {"fr, en", "fr"},
        {"en, fr", "en"},
        {"fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"},
        {"xx, fr;q=0.2, en;q=0.1", "fr"},
        {"fr;q=0.8, en;q=0.9", "en"},
        {"fr;q=0.9,en;q=0.8", "fr"},
        {"fr ; q=0.5 , en ; Q=0.4", "fr"},
        {"\ten;q=0.3\t,\tfr;q=1.000", "fr"},
        {"fr;q=0.001", "fr"},
        {"fr;q=0.501, en;q=0.5", "fr"},
        // The best range of a language counts.
        {"fr-CA;q=0.1, en;q=0.5, fr;q=0.7", "fr"},
        // Zero is a refusal, of a region's variant not of the language.
        {"fr;q=0", "en"},
        {"fr;q=0.000, *", "en"},
        {"fr-CA;q=0, fr", "fr"},
        {"fr-CA, fr;q=0", "en"},
        {"en;q=0, *", "fr"},
        {"en;q=0, fr;q=0.1", "fr"},
        {"*, en;q=0.1", "fr"},
        {"*;q=0.1, en;q=0.5", "en"},
        {"*", "en"},
        {"*;q=0", "en"},
        {"en;q=0, fr;q=0", "en"},
        // What is no range is passed over.
        {"fr;q=2, en;q=0.1", "en"},
        {"fr;q=1.001, en;q=0.1", "en"},
        {"fr;q=, en;q=0.1", "en"},
        {"fr;q, en;q=0.1", "en"},
        {"fr;q=-1, en;q=0.1", "en"},
        {"fr;q=0.1234, en;q=0.1", "en"},
        {"fr;q=0,5", "en"},
        {"fr;q=.9, en;q=0.1", "en"},
        {"fr;q=0x1, en;q=0.1", "en"},
        {"french, en;q=0.1", "en"},
        {"f, fr;q=0.5", "fr"},
        {",,,,fr", "fr"},
        {";q=1,fr;q=0.5", "fr"},
        {"-;q=1,fr;q=0.5", "fr"},
        {"fr_CA", "en"},
        {"fr;v=1", "fr"},
        {"fr;v=1;q=0.5, en;q=0.6", "en"},
    };
    for (const auto& row : kRows) {
        EXPECT_FOR(preferredLanguage(row.header).tag == row.language, row.header);
    }
}

START_TEST(readsNoFurther) {
    EXPECT_TEXT(preferredLanguage(repeat("xx,", 31) + "fr").tag, "fr");
    EXPECT_TEXT(preferredLanguage(repeat("xx,", 32) + "fr").tag, "en");
    EXPECT_TEXT(preferredLanguage(repeat(" ", 1022) + "fr").tag, "fr");
    EXPECT_TEXT(preferredLanguage(repeat(" ", 1023) + "fr").tag, "en");
    EXPECT_TEXT(preferredLanguage(repeat("q=1;", 100000)).tag, "en");
    EXPECT_TEXT(preferredLanguage(std::string("\0fr\xFF;q=\xFF", 8)).tag, "en");
}

START_TEST(inTheBody) {
    const std::string body =
        problemBody(Code::MissingField, "content", *languageNamed("fr"));
    EXPECT_FOR(body.find("\"code\":\"missing_field\",\"error\":\"Cette valeur est "
                         "obligatoire\u00A0: content.\"") != body.npos,
               body);
    EXPECT_FOR(body.find("\"title\":\"Bad Request\"") != body.npos, body);
}

}  // namespace

Suite* languageSuite() {
    return suiteOf("language", {everyCodeInEveryLanguage, namedExactly, prefers,
                                readsNoFurther, inTheBody});
}

}  // namespace messaging::unit
