// The message that a profile sends after a conversation's first one, in the name of a
// member. It is planned wherever a message turns out to be number 1, now or in an
// earlier run, and stored under a key of its own: so a run that ended between the two
// is completed by whoever finds the first one again, and there is never a second.
#include <algorithm>

#include "schema/limits.hpp"
#include "schema/text.hpp"
#include "worker/writer_batch.hpp"

namespace messaging::worker {
namespace {

// Of the worker's own: no command's key begins so.
constexpr const char* kKey = "w:confirmation";
constexpr const char* kType = "confirmation";
constexpr const char* kTeam = "team:";

// Without a name its place is closed up.
std::string worded(std::string text, const std::string& name) {
    constexpr std::string_view kName = "{name}";
    for (size_t at = text.find(kName); at != std::string::npos;
         at = text.find(kName, at + name.size())) {
        size_t length = kName.size();
        if (name.empty() && at > 0 && text[at - 1] == ' ') {
            --at;
            ++length;
        }
        text.replace(at, length, name);
    }
    return preview(trim(text), limits::kMaxContent);
}

// As confirmations ask for them.
bool isFirst(const Task& task) {
    return task.content && task.twin == nullptr && !task.dropped && !task.refused() &&
           task.message.seq == 1 && task.message.fingerprint == task.fingerprint;
}

}  // namespace

// Of messages that an earlier run stored.
Status Batch::confirmFound() {
    for (Task& task : tasks_) {
        if (!task.found) {
            continue;
        }
        if (Status status = lookUpConfirmation(task); !status.ok()) {
            return status;
        }
    }
    return {};
}

// Of a message that was found: its confirmation, which is stored, or has to be.
Status Batch::lookUpConfirmation(Task& task) {
    if (task.confirms != nullptr || task.confirmation != nullptr || !isFirst(task)) {
        return {};
    }
    if (Status status = confirm(task); !status.ok() || task.confirmation == nullptr) {
        return status;
    }
    // Another member's too: who has which role may have changed since.
    Task& next = *task.confirmation;
    for (const std::string& member : task.live->conversation.members) {
        Result<std::optional<Message>> stored =
            store_.messageByKey(task.live->ref, member, kKey);
        if (!stored.ok()) {
            return stored.status();
        }
        if (stored.value()) {
            next.message = std::move(*stored.value());
            next.seat = task.live->seatOf(next.message.member);
            next.found = true;
            next.inserts = false;
            return {};
        }
    }
    return {};
}

// The seat in whose name it is sent; nobody's where none has the role, or its own
// message was the first.
Result<size_t> Batch::confirmer(const Task& task) {
    const Live& live = *task.live;
    const std::string& role = task.profile()->rules.confirmer;
    if (role.empty() || task.message.senderRole == role) {
        return Live::kNobody;
    }
    std::vector<User> users = live.users;
    if (users.empty()) {
        Result<std::vector<User>> found =
            store_.users(live.ref.site, live.conversation.members);
        if (!found.ok()) {
            return found.status();
        }
        users = std::move(found.value());
    }
    const std::vector<std::string>& members = live.conversation.members;
    for (size_t seat = 0; seat < members.size(); ++seat) {
        const std::string& member = members[seat];
        const bool has = member == kTeam + role ||
                         std::any_of(users.begin(), users.end(), [&](const User& user) {
                             return user.id == member && user.role == role;
                         });
        if (has && member != task.message.member) {
            return seat;
        }
    }
    return Live::kNobody;
}

Status Batch::confirm(Task& task) {
    if (task.profile() == nullptr || !isFirst(task)) {
        return {};
    }
    const Result<size_t> seat = confirmer(task);
    if (!seat.ok() || seat.value() == Live::kNobody) {
        return seat.status();
    }
    const Rules& rules = task.profile()->rules;
    std::string content = worded(rules.confirmation, task.in->command.who.name);
    if (content.empty()) {
        return {};
    }
    Task& next = confirmations_.emplace_back();
    next.in = task.in;
    next.live = task.live;
    next.seat = seat.value();
    next.content = true;
    next.inserts = true;
    next.confirms = &task;
    next.fingerprint = fingerprint(Operation::Send, content);
    Message& message = next.message;
    message.site = task.message.site;
    message.conversation = task.message.conversation;
    message.sender = task.live->conversation.members[next.seat];
    message.senderRole = rules.confirmer;
    message.member = message.sender;
    message.key = kKey;
    message.fingerprint = next.fingerprint;
    message.content = std::move(content);
    message.type = kType;
    task.confirmation = &next;
    return {};
}

}  // namespace messaging::worker
