// What every unit test starts from: Check, wrapped so that a suite is one expression
// and a failure shows both values, with bytes that cannot be printed escaped.
#pragma once

#include <check.h>

#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>

namespace messaging::unit {

// A suite of one test case. START_TEST(x) defines each of `tests`.
inline Suite* suiteOf(const char* name, std::initializer_list<const TTest*> tests) {
    Suite* suite = suite_create(name);
    TCase* tests_ = tcase_create(name);
    tcase_set_timeout(tests_, 60);  // sanitizers are slow
    for (const TTest* test : tests) {
        tcase_add_test(tests_, test);
    }
    suite_add_tcase(suite, tests_);
    return suite;
}

// For messages: printable, and not endless.
inline std::string printable(std::string_view text) {
    constexpr size_t kMost = 400;
    std::string shown;
    for (const char c : text.substr(0, kMost)) {
        if (c >= ' ' && c < '\x7F') {
            shown += c;
        } else {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\x%02x",
                          static_cast<unsigned char>(c));
            shown += escaped;
        }
    }
    return text.size() > kMost ? shown + "..." : shown;
}

inline std::string repeat(std::string_view text, size_t times) {
    std::string all;
    all.reserve(text.size() * times);
    for (size_t i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

}  // namespace messaging::unit

// Both are read as bytes, once.
#define EXPECT_TEXT(actual, wanted)                                            \
    do {                                                                       \
        const std::string actual_(actual);                                     \
        const std::string wanted_(wanted);                                     \
        ck_assert_msg(actual_ == wanted_, "%s is \"%s\", not \"%s\"", #actual, \
                      ::messaging::unit::printable(actual_).c_str(),           \
                      ::messaging::unit::printable(wanted_).c_str());          \
    } while (false)

// `input` is what the condition was about: it is what one wants to know of a table's
// row.
#define EXPECT_FOR(condition, input)                            \
    ck_assert_msg((condition), "not %s for \"%s\"", #condition, \
                  ::messaging::unit::printable(input).c_str())

// A Result or Status that failed with this code and field.
#define EXPECT_FAILURE(status, wantedCode, wantedField)                               \
    do {                                                                              \
        const ::messaging::Status status_ = (status);                                 \
        ck_assert_msg(status_.code() == (wantedCode), "%s: code %d, not %s", #status, \
                      static_cast<int>(status_.code()), #wantedCode);                 \
        EXPECT_TEXT(status_.field(), wantedField);                                    \
    } while (false)
