// The cursor of a list: an opaque text that can stand in a URL as it is. A client may
// send anything in its place. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "worker/store.hpp"

namespace messaging::worker {

// A walk from the newest activity down. What moves above its start while it goes on is
// delivered by a later page.
struct ListCursor {
    ListPlace start;
    ListPlace last;  // delivered
};

std::string encodeCursor(const ListCursor& cursor);
std::optional<ListCursor> decodeCursor(std::string_view text);

}  // namespace messaging::worker
