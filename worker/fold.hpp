// Text as people search it: without case and diacritics, so that "chateau" finds
// "Château". Pure.
#pragma once

#include <string>
#include <string_view>

namespace messaging::worker {

// Of valid UTF-8. Latin, Greek and Cyrillic letters in lower case, Latin ones without
// their marks, combining marks left out; everything else as it is.
std::string fold(std::string_view text);

}  // namespace messaging::worker
