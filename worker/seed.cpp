// A seed's file has people and conversations; its times are days before today. Each
// message is known again by its place in the file, so that a second run, on whatever
// day, adds nothing.
//
//   {"people": [{"id", "role", "name"}],
//    "conversations": [{"members", "starter"?, "context"?, "subject"?, "ticket"?,
//                       "closed"?, "messages": [{"from", "team"?, "day", "at",
//                       "content", "context"?, "unread"?}]}]}
#include "worker/seed.hpp"

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>

#include "schema/json.hpp"
#include "schema/keys.hpp"
#include "schema/text.hpp"
#include "worker/data_file.hpp"
#include "worker/fill.hpp"
#include "worker/shards.hpp"

namespace messaging::worker {
namespace {

using json::Type;
using json::Value;

constexpr int kDone = 0;
constexpr int kFailed = 2;

constexpr uint64_t kMinute = 60 * 1000;
constexpr uint64_t kDay = 24 * 60 * kMinute;
constexpr uint64_t kMostDays = 3650;

// No client's key and no command's begins so.
const std::string kSeedKey = "s:";

Status wrong(const std::string& where, const std::string& what) {
    return {Code::InvalidField, where + ": " + what};
}

std::string textAt(const Value& object, std::string_view name) {
    const Value* value = object.find(name);
    return value != nullptr && value->is(Type::String) ? value->text : std::string();
}

bool flagAt(const Value& object, std::string_view name) {
    const Value* value = object.find(name);
    return value != nullptr && value->is(Type::Bool) && value->boolean;
}

const std::vector<Value>& itemsAt(const Value& object, std::string_view name) {
    static const std::vector<Value> kNone;
    const Value* value = object.find(name);
    return value == nullptr ? kNone : value->items;
}

Result<Context> contextAt(const Value& object, const std::string& where) {
    const Value* value = object.find("context");
    if (value == nullptr) {
        return Context();
    }
    Context context{textAt(*value, "type"), textAt(*value, "id")};
    if (!validWord(context.type) || !validId(context.id)) {
        return wrong(where, "context");
    }
    return context;
}

// "day" days ago at "at", as in "09:30", UTC.
Result<uint64_t> timeAt(const Value& object, uint64_t now, const std::string& where) {
    const Value* day = object.find("day");
    const std::string at = textAt(object, "at");
    uint64_t days = 0;
    if (day == nullptr || !day->unsignedInteger(&days) || days == 0 ||
        days > kMostDays) {
        return wrong(where, "day");
    }
    const auto hours = parseUnsigned(at.substr(0, 2));
    const auto minutes =
        at.size() == 5 && at[2] == ':' ? parseUnsigned(at.substr(3)) : std::nullopt;
    if (!hours || !minutes || *hours > 23 || *minutes > 59) {
        return wrong(where, "at");
    }
    return (now / kDay - days) * kDay + (*hours * 60 + *minutes) * kMinute;
}

struct Line {
    Message message;
    bool read = true;
};
struct Thread {
    Conversation conversation;
    std::vector<Line> lines;
};

Result<Thread> parseThread(const Value& from, const std::string& site, uint64_t now,
                           const std::string& where) {
    Thread thread;
    Conversation& conversation = thread.conversation;
    conversation.site = site;
    for (const Value& member : itemsAt(from, "members")) {
        if (!member.is(Type::String) || !validId(member.text)) {
            return wrong(where, "members");
        }
        conversation.members.push_back(member.text);
    }
    if (conversation.members.size() < 2) {
        return wrong(where, "members");
    }
    conversation.starter = conversation.members.front();
    auto& members = conversation.members;
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    if (members.size() < 2 || members.size() > limits::kMaxMembers) {
        return wrong(where, "members");
    }
    Result<Context> context = contextAt(from, where);
    if (!context.ok()) {
        return context.status();
    }
    conversation.context = std::move(context.value());
    conversation.subject = textAt(from, "subject");
    if (!validName(conversation.subject, limits::kMaxSubject)) {
        return wrong(where, "subject");
    }
    conversation.closed = flagAt(from, "closed");
    if (flagAt(from, "ticket")) {
        conversation.kind = kTicket;
        conversation.id = ticketId(site, conversation.starter, kSeedKey + where);
    } else {
        conversation.id =
            directId(site, members, conversation.context.type, conversation.context.id);
    }
    size_t number = 0;
    for (const Value& said : itemsAt(from, "messages")) {
        const std::string place = where + "." + std::to_string(++number);
        Line line;
        Message& message = line.message;
        message.sender = textAt(said, "from");
        message.member = message.sender;
        if (!std::binary_search(members.begin(), members.end(), message.member)) {
            message.member = textAt(said, "team");  // of which the sender is one
        }
        message.senderRole = textAt(said, "role");
        message.content = textAt(said, "content");
        message.key = kSeedKey + place;
        if (!validUser(message.sender) ||
            !std::binary_search(members.begin(), members.end(), message.member)) {
            return wrong(place, "from");
        }
        const auto characters = countCharacters(message.content);
        if (!characters || *characters == 0 || *characters > limits::kMaxContent) {
            return wrong(place, "content");
        }
        Result<Context> about = contextAt(said, place);
        const Result<uint64_t> time = timeAt(said, now, place);
        if (!about.ok() || !time.ok()) {
            return about.ok() ? time.status() : about.status();
        }
        message.context = std::move(about.value());
        message.createdAt = time.value();
        line.read = !flagAt(said, "unread");
        thread.lines.push_back(std::move(line));
    }
    if (thread.lines.empty()) {
        return wrong(where, "messages");
    }
    conversation.createdAt = thread.lines.front().message.createdAt;
    return thread;
}

Result<std::vector<User>> parsePeople(const Value& file, const std::string& site) {
    std::vector<User> people;
    for (const Value& one : itemsAt(file, "people")) {
        User user{site, textAt(one, "id"), textAt(one, "role"), textAt(one, "name")};
        if (!validUser(user.id) || !validName(user.role, limits::kMaxName) ||
            !validName(user.name, limits::kMaxName)) {
            return wrong("people", user.id);
        }
        people.push_back(std::move(user));
    }
    return people;
}

// Those that are not known.
Status storePeople(Store& store, const std::string& site,
                   const std::vector<User>& people, uint64_t* fresh) {
    std::vector<std::string> ids;
    for (const User& user : people) {
        ids.push_back(user.id);
    }
    const Result<std::vector<User>> known = store.users(site, ids);
    if (!known.ok()) {
        return known.status();
    }
    std::vector<User> absent;
    for (const User& user : people) {
        const bool there = std::any_of(known->begin(), known->end(),
                                       [&](const User& k) { return k.id == user.id; });
        if (!there) {
            absent.push_back(user);
        }
    }
    *fresh = absent.size();
    Status status = store.begin({thisOwner().id(), {}});
    if (status.ok()) {
        status = store.putUsers(absent);
    }
    return status.ok() ? store.commit() : status;
}

Status fillAll(Filler& filler, std::vector<Thread>& threads) {
    for (size_t first = 0; first < threads.size(); first += Filler::kPage) {
        const size_t end = std::min(first + Filler::kPage, threads.size());
        std::vector<Conversation> page;
        for (size_t i = first; i < end; ++i) {
            page.push_back(threads[i].conversation);
        }
        Status status = filler.look(page);
        for (size_t i = first; status.ok() && i < end; ++i) {
            if (filler.open(i - first) == Opened::OtherMembers) {
                continue;
            }
            for (Line& line : threads[i].lines) {
                const auto added = filler.add(std::move(line.message), line.read);
                if (!added.ok()) {
                    return added.status();
                }
            }
            status = filler.close();
        }
        if (status.ok()) {
            status = filler.flush();
        }
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

int fail(const Status& status) {
    std::fprintf(stderr, "messaging-worker: seed: %s\n", status.detail().c_str());
    return kFailed;
}

}  // namespace

int seed(const std::string& storeUri, const SeedOptions& options) {
    const Result<Value> file = readDataFile(options.data, "seed", options.profile);
    if (!file.ok()) {
        return fail(file.status());
    }
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    const auto now = static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
    const Result<std::vector<User>> people = parsePeople(file.value(), options.site);
    if (!people.ok()) {
        return fail(people.status());
    }
    std::vector<Thread> threads;
    for (const Value& one : itemsAt(file.value(), "conversations")) {
        const std::string where = std::to_string(threads.size() + 1);
        Result<Thread> thread = parseThread(one, options.site, now, where);
        if (!thread.ok()) {
            return fail(thread.status());
        }
        threads.push_back(std::move(thread.value()));
    }
    auto made = makeStore(storeUri);
    Status status = made.ok() ? made.value()->open() : made.status();
    uint64_t fresh = 0;
    if (status.ok()) {
        status = storePeople(*made.value(), options.site, people.value(), &fresh);
    }
    if (!status.ok()) {
        return fail(status);
    }
    const std::string owner = thisOwner().id();
    Filler filler(*made.value(), owner, false);
    status = fillAll(filler, threads);
    if (status.ok()) {
        status = made.value()->dropNote(owner);
    }
    if (!status.ok()) {
        return fail(status);
    }
    const Filled& filled = filler.filled();
    std::printf("%" PRIu64 " people, %" PRIu64 " conversations, %" PRIu64
                " messages added; %" PRIu64 " messages were here\n",
                fresh, filled.conversations, filled.messages, filled.known);
    return kDone;
}

}  // namespace messaging::worker
