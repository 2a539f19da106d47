// The languages that refusals are worded in, and the one that a reader wants. English
// stands in problem.cpp's table; each other has a file of its own, problem_TAG.cpp,
// and joins by being there (scripts/languages). Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "schema/status.hpp"

namespace messaging {

struct Language {
    std::string_view tag;  // a primary language subtag: "fr"
    // What is said of a code; "{field}" stands for the field's name.
    std::string_view (*sentence)(Code code);
};

extern const Language kLanguages[];  // the first is English
extern const size_t kLanguageCount;

// nullptr: nobody has written its sentences.
const Language* languageNamed(std::string_view tag);

// By a request's Accept-Language (RFC 9110, 12.5.4): a range of a region (fr-CA) takes
// what there is of its language. English where nothing fits, or nothing can be read.
const Language& preferredLanguage(std::string_view acceptLanguage);

}  // namespace messaging
