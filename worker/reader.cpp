// The reads: which is asked for, and those of one conversation. Only members see it; to
// everybody else it does not exist. Nothing is kept between commands and nothing is
// written.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "schema/json.hpp"
#include "schema/model.hpp"
#include "schema/problem.hpp"
#include "worker/handler.hpp"
#include "worker/inboxes.hpp"
#include "worker/reader_list.hpp"
#include "worker/reader_page.hpp"
#include "worker/reader_search.hpp"
#include "worker/reader_seen.hpp"
#include "worker/reader_whisper.hpp"
#include "worker/wording.hpp"

namespace messaging::worker {
namespace {

// --- A conversation

// The newest message that an answer shows of one conversation.
struct Newest {
    uint64_t seq = 0;
    std::string conversation;
};

// `messages`: with the newest one in full.
Answer viewSeen(Store& store, Presences* presences, const Identity& who,
                const Seen& seen, bool messages) {
    const Result<std::vector<User>> users =
        findUsers(store, presences, who.site, seen.conversation.members);
    if (!users.ok()) {
        return users.status();
    }
    const std::string& viewer = viewerOf(seen, who);
    const Membership* mine = seen.of(viewer);
    std::string view =
        conversationView(seen.conversation, viewer,
                         mine == nullptr ? Membership() : *mine, users.value());
    if (!messages) {
        return view;
    }
    const Result<std::vector<Message>> newest =
        store.newest({{who.site, seen.conversation.id}});
    if (!newest.ok()) {
        return unavailable(newest.status());
    }
    const ReadOf read = readRule(seen, viewer);
    std::vector<std::string> views;
    for (const Message& message : newest.value()) {
        views.push_back(messageView(message, read(message)));
    }
    return withMessages(std::move(view), views);
}

Answer showConversation(Store& store, Presences* presences, const Command& command,
                        bool messages, Newest* newest) {
    const Result<Seen> seen = findSeen(store, command);
    if (!seen.ok()) {
        return seen.status();
    }
    const Membership* mine = seen->of(viewerOf(seen.value(), command.who));
    *newest = {mine == nullptr ? 0 : mine->lastSeq, seen->conversation.id};
    return viewSeen(store, presences, command.who, seen.value(), messages);
}

// --- Its messages

Result<MessagePage> findPage(Store& store, const Identity& who, const Seen& seen,
                             const HistoryArguments& range) {
    Result<MessagePage> page = readPage(store, {who.site, seen.conversation.id}, range,
                                        readRule(seen, viewerOf(seen, who)));
    return page.ok() ? std::move(page) : unavailable(page.status());
}

// Of a conversation that is not there, where that is no failure.
bool isEmpty(const Status& failure, const HistoryArguments& range) {
    return isAbsent(failure) && range.absentEmpty;
}

Answer showHistory(Store& store, const Command& command, Newest* newest) {
    const From from = command.profile.empty() ? From::Client : From::Module;
    const Result<HistoryArguments> range = parseHistory(command.body, from);
    if (!range.ok()) {
        return range.status();
    }
    const Result<Seen> seen = findSeen(store, command);
    const bool empty = !seen.ok() && isEmpty(seen.status(), range.value());
    if (!seen.ok() && !empty) {
        return seen.status();
    }
    const Result<MessagePage> page =
        empty ? MessagePage()
              : findPage(store, command.who, seen.value(), range.value());
    if (!page.ok()) {
        return page.status();
    }
    *newest = {page->newest, empty ? command.conversation : seen->conversation.id};
    std::string body;
    json::Writer writer(body);
    writer.object();
    writePage(writer, page.value());
    writer.end();
    return body;
}

// --- A conversation with its messages

// The caller's newest one in this context; empty where there is none.
Result<std::string> findThread(Store& store, const Identity& who,
                               const Context& context) {
    ListRange range;
    range.limit = 1;
    range.filter.context = context;
    const Result<Places> found = listBoth(store, who, range, range);
    if (!found.ok()) {
        return unavailable(found.status());
    }
    return found->rows.empty() ? std::string() : found->rows.front().conversation;
}

constexpr const char* kNoThread =
    "{\"conversation\":null,\"messages\":[],\"nextCursor\":null}";

Answer showThread(Store& store, Presences* presences, const Command& asked,
                  bool messages, Newest* newest) {
    const Result<ThreadArguments> arguments = parseThread(asked.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    Command command = asked;
    if (command.conversation.empty()) {
        Result<std::string> found = findThread(store, command.who, arguments->context);
        if (!found.ok()) {
            return found.status();
        }
        if (found->empty()) {
            return std::string(kNoThread);
        }
        command.conversation = std::move(found.value());
    }
    const Result<Seen> seen = findSeen(store, command);
    if (!seen.ok() && isEmpty(seen.status(), arguments->page)) {
        return std::string(kNoThread);
    }
    if (!seen.ok()) {
        return seen.status();
    }
    const Result<MessagePage> page =
        findPage(store, command.who, seen.value(), arguments->page);
    if (!page.ok()) {
        return page.status();
    }
    Answer conversation =
        viewSeen(store, presences, command.who, seen.value(), messages);
    if (!conversation.ok()) {
        return conversation.status();
    }
    *newest = {page->newest, seen->conversation.id};
    std::string body;
    json::Writer writer(body);
    writer.object().key("conversation").raw(conversation.value());
    writePage(writer, page.value());
    writer.end();
    return body;
}

// --- The badge

Answer showUnread(Store& store, const Command& command) {
    const Result<UnreadArguments> arguments = parseUnread(command.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    if (arguments->team && command.who.team.empty()) {
        return {Code::InvalidField, "the caller has no team", "team"};
    }
    Answer counted = countUnread(store, command.who, arguments->team);
    return counted.ok() ? std::move(counted) : unavailable(counted.status());
}

Answer answer(Store& store, Presences* presences, const Command& command,
              const Profile* profile, Newest* newest,
              std::vector<Publication>* whispers) {
    const bool messages = showsMessages(profile);
    switch (command.operation) {
        case Operation::History:
            return showHistory(store, command, newest);
        case Operation::Conversation:
            return showConversation(store, presences, command, messages, newest);
        case Operation::Thread:
            return showThread(store, presences, command, messages, newest);
        case Operation::List:
            return showList(store, presences, command, messages);
        case Operation::UnreadCount:
            return showUnread(store, command);
        case Operation::Search:
            return showSearch(store, command);
        case Operation::Presence:
            return sayPresence(store, command, whispers);
        case Operation::Typing:
            return sayTyping(store, command, whispers);
        default:
            return {Code::InvalidField, "not a read", "op"};
    }
}

}  // namespace

std::string countedMember(const Command& command) {
    const Result<UnreadArguments> arguments = parseUnread(command.body);
    return arguments.ok() && arguments->team ? command.who.team : command.who.user;
}

Reply Reader::run(const Command& command, std::vector<Publication>* whispers,
                  const Profile* profile) {
    Newest newest;
    Answer answered = answer(store_, presences_, command, profile, &newest, whispers);
    Reply reply;
    reply.id = command.id;
    if (answered.ok() && answered->empty()) {
        reply.status = 204;
        return reply;
    }
    if (answered.ok()) {
        reply.body = std::move(answered.value());
        if (!command.profile.empty()) {  // whose routes may mark read what they show
            reply.seq = newest.seq;
            reply.conversation = std::move(newest.conversation);
        }
        return worded(command, profile, std::move(reply));
    }
    reply.code = answered.status().code();
    reply.status = problemKind(reply.code).status;
    if (reply.code != Code::NotFound) {  // whose field is our own mark
        reply.field = answered.status().field();
    }
    return reply;
}

}  // namespace messaging::worker
