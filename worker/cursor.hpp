// The cursor of a list: an opaque text that can stand in a URL as it is. A client may
// send anything in its place. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "worker/store.hpp"

namespace messaging::worker {

// Below and above every place there is.
constexpr uint64_t kOldest = 0;
constexpr uint64_t kLatest = INT64_MAX;

// A walk of one list from the newest activity down. What moves above its start while it
// goes on is delivered by a later page.
struct ListWalk {
    ListPlace start{kOldest, {}};  // where the list was empty
    ListPlace last{kLatest, {}};   // delivered; nothing yet
};

// A person's walk. Of one with a team both inboxes are walked as one, each by itself:
// they are not looked at in the same instant, and which of two places with the same
// activity comes first is the store's to say.
struct ListCursor {
    ListWalk own;
    std::optional<ListWalk> team = {};
};

std::string encodeCursor(const ListCursor& cursor);
std::optional<ListCursor> decodeCursor(std::string_view text);

}  // namespace messaging::worker
