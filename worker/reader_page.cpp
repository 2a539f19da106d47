// Messages never change and only come at one end, so that parts that are read one after
// another are of one page.
#include "worker/reader_page.hpp"

#include <algorithm>
#include <utility>

namespace messaging::worker {
namespace {

// Messages of one part; the longest are 8 MB.
constexpr unsigned kPart = limits::kMaxPage;

}  // namespace

Result<MessagePage> readPage(Store& store, const ConversationRef& ref,
                             const HistoryArguments& range, const ReadOf& read,
                             size_t bytes) {
    const bool rising = range.after.has_value();
    MessagePage page;
    HistoryArguments part = range;
    size_t size = 0;
    uint64_t edge = 0;
    bool more = true;
    bool full = false;
    while (more && !full) {
        // One more than is wanted tells whether there are more.
        const auto left = range.limit - static_cast<unsigned>(page.views.size());
        part.limit = std::min(left, kPart) + 1;
        Result<std::vector<Message>> found = store.history(ref, part);
        if (!found.ok()) {
            return found.status();
        }
        std::vector<Message>& messages = found.value();
        if (!rising) {
            std::reverse(messages.begin(), messages.end());
        }
        more = messages.size() == part.limit;
        messages.resize(std::min<size_t>(messages.size(), part.limit - 1));
        for (const Message& message : messages) {
            std::string view = messageView(message, read(message));
            full = !page.views.empty() && size + view.size() > bytes;
            if (full) {
                more = true;
                break;
            }
            size += view.size();
            edge = message.seq;
            page.newest = std::max(page.newest, edge);
            page.views.push_back(std::move(view));
        }
        full = full || page.views.size() == range.limit;
        (rising ? part.after : part.before) = edge;
    }
    if (!rising) {
        std::reverse(page.views.begin(), page.views.end());
    }
    if (more) {
        page.next = edge;
    }
    return page;
}

void writePage(json::Writer& writer, const MessagePage& page) {
    writer.key("messages").array();
    for (const std::string& view : page.views) {
        writer.raw(view);
    }
    writer.end().key("nextCursor");
    if (page.next) {
        writer.string(std::to_string(*page.next));
    } else {
        writer.null();
    }
}

}  // namespace messaging::worker
