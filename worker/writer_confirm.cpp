// The message that a profile sends after a conversation's first one, in the name of a
// member. It is planned wherever a message turns out to be number 1, now or in an
// earlier run, and stored under a key of its own: so a run that ended between the two
// is completed by whoever finds the first one again, or writes the next one while that
// member has said nothing, and there is never a second.
#include <algorithm>

#include "schema/limits.hpp"
#include "schema/text.hpp"
#include "worker/writer_batch.hpp"

namespace messaging::worker {
namespace {

// Of the worker's own: no command's key begins so.
constexpr const char* kKey = "w:confirmation";
constexpr const char* kType = "confirmation";

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

// Stored by this entry, now or in an earlier run.
bool isSaid(const Task& task) {
    return task.speaks() && task.message.seq > 0;
}

// Whether a later message may find the confirmation missing, as far as memory tells:
// somebody else has said nothing. Where all have spoken, nothing is read.
bool mayBeOwed(const Task& task) {
    const std::vector<Seat>& seats = task.live->seats;
    for (size_t seat = 0; seat < seats.size(); ++seat) {
        if (seat != task.seat && seats[seat].numbered == 0) {
            return true;
        }
    }
    return false;
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
    if (task.confirms != nullptr || task.confirmation != nullptr) {
        return {};
    }
    Status status = confirm(task);
    if (!status.ok() || task.confirmation == nullptr || task.message.seq > 1) {
        return status;
    }
    Result<std::optional<Message>> stored = storedConfirmation(*task.live);
    if (stored.ok() && stored.value()) {
        Task& next = *task.confirmation;
        next.message = std::move(*stored.value());
        next.seat = task.live->seatOf(next.message.member);
        next.found = true;
        next.inserts = false;
    }
    return stored.status();
}

// Of any member: who has which role may have changed since.
Result<std::optional<Message>> Batch::storedConfirmation(const Live& live) {
    for (const std::string& member : live.conversation.members) {
        Result<std::optional<Message>> stored =
            store_.messageByKey(live.ref, member, kKey);
        if (!stored.ok() || stored.value()) {
            return stored;
        }
    }
    return std::optional<Message>();
}

// Whether it is missing indeed, where its member has said nothing.
Result<bool> Batch::isOwed(const Live& live) {
    HistoryArguments range;
    range.after = 0;
    range.limit = 1;
    const Result<std::vector<Message>> first = store_.history(live.ref, range);
    if (!first.ok()) {
        return first.status();
    }
    // What was written elsewhere (imported, seeded) asks for nothing.
    if (first->empty() || !isCommandKey(first->front().key)) {
        return false;
    }
    const Result<std::optional<Message>> stored = storedConfirmation(live);
    return stored.ok() ? Result<bool>(!stored.value()) : stored.status();
}

// The seat in whose name it is sent; nobody's where none has the role, or its own
// message was the first.
Result<size_t> Batch::confirmer(const Task& task) {
    const Live& live = *task.live;
    const std::string& role = task.profile()->rules.confirmer;
    if (task.message.senderRole == role) {
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
        const bool has = member == teamId(role) ||
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
    if (task.profile() == nullptr || task.profile()->rules.confirmer.empty() ||
        !isSaid(task)) {
        return {};
    }
    const bool first = task.message.seq == 1;
    if (!first && !mayBeOwed(task)) {
        return {};
    }
    const Result<size_t> seat = confirmer(task);
    if (!seat.ok() || seat.value() == Live::kNobody) {
        return seat.status();
    }
    if (!first) {
        if (task.live->seats[seat.value()].numbered > 0) {
            return {};
        }
        const Result<bool> owed = isOwed(*task.live);
        if (!owed.ok() || !owed.value()) {
            return owed.status();
        }
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
