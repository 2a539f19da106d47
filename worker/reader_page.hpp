// A page of a conversation's messages, read a part at a time: who asks for all of them
// makes a worker hold what is shown, and no more.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "schema/json.hpp"
#include "schema/model.hpp"
#include "worker/store.hpp"

namespace messaging::worker {

struct MessagePage {
    std::vector<std::string> views;  // by rising seq
    std::optional<uint64_t> next;    // where the next page begins, if there is one
    uint64_t newest = 0;             // seq of the last one, 0: none
};

// Whether the viewer should see it as read.
using ReadOf = std::function<bool(const Message&)>;

// Ends earlier than at its limit where it would be longer than `bytes`, but never
// without a message.
Result<MessagePage> readPage(Store& store, const ConversationRef& ref,
                             const HistoryArguments& range, const ReadOf& read,
                             size_t bytes = limits::kMaxPageBytes);

// Its members of an answer: `messages`, `nextCursor`.
void writePage(json::Writer& writer, const MessagePage& page);

}  // namespace messaging::worker
