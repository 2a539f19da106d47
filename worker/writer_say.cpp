// The third step of a batch: each entry in its order. Settles the numbers of
// conversations as of that entry and words what is said about it. Nothing of it leaves
// before the commit.
#include <algorithm>

#include "schema/problem.hpp"
#include "worker/wording.hpp"
#include "worker/writer_batch.hpp"

namespace messaging::worker {

void Outbox::add(std::string_view site, std::string_view member, std::string_view type,
                 std::string data) {
    const size_t bytes = type.size() + data.size();
    const auto [place, added] = open_.try_emplace(Inbox(site, member));
    Open& open = place->second;
    if (added || open.bytes + bytes > kMostBytes) {
        open = {publications_.size(), 0};
        publications_.push_back({std::string(site), std::string(member), {}});
    }
    open.bytes += bytes;
    publications_[open.index].events.push_back({std::string(type), std::move(data)});
}

Status Batch::settleAll() {
    replies_.reserve(tasks_.size());
    for (Task& task : tasks_) {
        if (Status status = settle(task); !status.ok()) {
            return status;
        }
    }
    publishUnread();
    return {};
}

Status Batch::settle(Task& task) {
    if (task.dropped) {
        return {};
    }
    if (task.refused()) {
        refuse(task, task.code, task.field);
        return {};
    }
    if (task.in->command.operation == Operation::Read) {
        return settleRead(task);
    }
    if (task.in->command.operation == Operation::Change) {
        return settleChange(task);
    }
    if (task.content) {
        const bool repeat = task.found || task.twin != nullptr;
        return settleMessage(
            task, task.twin != nullptr ? task.twin->message : task.message, repeat);
    }
    // Opened without a message. Who opened it is told once, and again by a redelivery:
    // nobody knows whether the first run got that far.
    Seat& seat = task.live->seats[task.seat];
    if (task.live->lastSeq == 0 && seat.opening &&
        (!seat.stored || task.in->redelivered)) {
        publishConversation(*task.live, task.seat);
    }
    return answerStart(task, nullptr, false, false);
}

// --- Messages

Status Batch::settleMessage(Task& task, const Message& message, bool repeat) {
    Live& live = *task.live;
    if (repeat && message.fingerprint != task.fingerprint) {
        refuse(task, Code::KeyReused, {});
        return {};
    }
    // That of a first message is published with it.
    const bool reopened =
        task.changed || (task.found && task.in->redelivered && task.reopens());
    for (size_t i = 0; reopened && message.seq > 1 && i < live.seats.size(); ++i) {
        publishConversation(live, i);
    }
    count(task, message, repeat);
    if (const Task* next = task.confirmation; next != nullptr) {
        count(*next, next->message, next->found);
    }
    const bool read = repeat && readBy(live, task.seat, message);
    if (task.in->command.operation == Operation::Start) {
        return answerStart(task, &message, read, !repeat);
    }
    reply(task, repeat ? 200 : 201, messageView(message, read));
    return {};
}

// A message into its conversation's numbers, and to its members.
void Batch::count(const Task& task, const Message& message, bool repeat) {
    Live& live = *task.live;
    live.position = std::max(live.position, message.seq);
    if (!repeat) {
        Seat& seat = live.seats[task.seat];
        seat.sent = std::max(seat.sent, message.ordinal);
        if (message.seq >= live.lastSeq) {
            live.lastSeq = message.seq;
            live.lastAt = message.createdAt;
            live.newest = &message;
        }
    }
    if (!repeat || task.in->redelivered) {
        publishMessage(live, message, repeat);
    }
}

Status Batch::answerStart(Task& task, const Message* message, bool read, bool stored) {
    const Result<std::string> view = answerOf(task);
    if (!view.ok()) {
        return view.status();
    }
    std::string body = "{\"conversation\":" + view.value();
    body += ",\"message\":";
    body += message == nullptr ? "null" : messageView(*message, read);
    body += '}';
    // Who is answered with the message asks whether that is new.
    const bool isNew = answersMessage(task.in->command, task.profile())
                           ? message != nullptr && stored
                           : task.opened;
    reply(task, isNew ? 201 : 200, std::move(body));
    return {};
}

// Its conversation as its caller is answered; with the newest message where the profile
// shows it.
Result<std::string> Batch::answerOf(const Task& task) {
    Live& live = *task.live;
    if (!showsMessages(task.profile())) {
        return viewOf(live, task.seat);
    }
    std::vector<std::string> messages;
    if (live.newest != nullptr) {
        messages.push_back(
            messageView(*live.newest, readBy(live, task.seat, *live.newest)));
    } else if (live.lastSeq > 0) {
        HistoryArguments last;
        last.before = live.lastSeq + 1;
        last.limit = 1;
        const Result<std::vector<Message>> found = store_.history(live.ref, last);
        if (!found.ok()) {
            return found.status();
        }
        for (const Message& message : found.value()) {
            messages.push_back(messageView(message, readBy(live, task.seat, message)));
        }
    }
    return withMessages(viewOf(live, task.seat), messages);
}

std::string Batch::viewOf(Live& live, size_t seat) const {
    return conversationView(
        live.conversation, live.conversation.members[seat],
        live.lists(live.seats[seat]) ? live.membership(seat) : Membership(),
        live.users);
}

// By the other side for one's own message, by oneself for the others'.
bool Batch::readBy(const Live& live, size_t seat, const Message& message) const {
    if (live.conversation.members[seat] != message.member) {
        return live.seats[seat].readSeq >= message.seq;
    }
    for (size_t other = 0; other < live.seats.size(); ++other) {
        if (other != seat && live.seats[other].readSeq < message.seq) {
            return false;
        }
    }
    return true;
}

void Batch::publishMessage(Live& live, const Message& message, bool repeat) {
    const std::string view = messageView(message, false);
    for (size_t i = 0; i < live.seats.size(); ++i) {
        const std::string& member = live.conversation.members[i];
        if (message.seq == 1) {
            publishConversation(live, i);
        }
        const bool read = repeat && readBy(live, i, message);
        outbox_.add(live.ref.site, member, "message",
                    read ? messageView(message, true) : view);
        if (member != message.member) {
            live.seats[i].told = true;
        }
    }
}

void Batch::publishConversation(Live& live, size_t seat) {
    outbox_.add(live.ref.site, live.conversation.members[seat], "conversation",
                viewOf(live, seat));
}

// --- Reading

Status Batch::settleRead(Task& task) {
    Live& live = *task.live;
    Seat& seat = live.seats[task.seat];
    const bool redelivered = task.in->redelivered;
    const uint64_t target = std::min(task.upTo.value_or(live.position), live.position);
    if (target > seat.readSeq && task.in->expired) {
        return {};  // no earlier run did it, and now it is too late
    }
    const bool rises = target > seat.readSeq;
    if (rises) {
        const std::string& member = live.conversation.members[task.seat];
        if (Status status = riseRead(live, seat, member, target); !status.ok()) {
            return status;
        }
    }
    // A redelivery tells again: nobody knows whether the first run got that far.
    if (rises || (redelivered && seat.readSeq > 0)) {
        const std::string event =
            readEvent(live.ref.id, live.conversation.members[task.seat],
                      task.in->command.who.user, seat.readSeq);
        for (const std::string& member : live.conversation.members) {
            outbox_.add(live.ref.site, member, "read", event);
        }
        seat.told = true;
    }
    reply(task, 200, readView(live.membership(task.seat)));
    return {};
}

Status Batch::riseRead(Live& live, Seat& seat, const std::string& member,
                       uint64_t target) {
    if (target == live.lastSeq) {
        seat.readSent = seat.sent;
    } else {
        const Result<uint64_t> sent = store_.ordinalAt(live.ref, member, target);
        if (!sent.ok()) {
            return sent.status();
        }
        seat.readSent = sent.value();
    }
    seat.readSeq = target;
    return {};
}

// --- Changes

// What it says is of after the whole batch: who asked later was not told otherwise. Who
// archives does it for themselves, and nobody else hears of it.
Status Batch::settleChange(Task& task) {
    Live& live = *task.live;
    const bool everybody = task.change.closed || task.change.subject;
    for (size_t i = 0; i < live.seats.size(); ++i) {
        const bool concerned = everybody || i == task.seat;
        const bool told = task.changed || task.in->redelivered;
        if (concerned && told && live.lists(live.seats[i])) {
            publishConversation(live, i);
        }
    }
    Result<std::string> view = answerOf(task);
    if (!view.ok()) {
        return view.status();
    }
    reply(task, 200, std::move(view.value()));
    return {};
}

// At the end of a batch: memberships to raise, and one `unread` for each that matters.
void Batch::publishUnread() {
    for (auto& [ref, live] : lives_) {
        if (live == nullptr || !live->used) {
            continue;
        }
        for (size_t i = 0; i < live->seats.size(); ++i) {
            const Seat& seat = live->seats[i];
            const bool differs = live->differs(seat);
            if (!differs && !seat.told) {
                continue;
            }
            Membership membership = live->membership(i);
            if (seat.told) {
                outbox_.add(ref.site, live->conversation.members[i], "unread",
                            unreadEvent(membership));
            }
            if (differs) {
                raises_.push_back(std::move(membership));
            }
        }
    }
}

// --- Answers

void Batch::reply(const Task& task, int status, std::string body) {
    if (task.blind) {
        return refuse(task, Code::Internal, {});
    }
    const Command& command = task.in->command;
    Reply answer;
    answer.id = command.id;
    answer.status = status;
    answer.body = std::move(body);
    replies_.emplace_back(command.reply,
                          worded(command, task.profile(), std::move(answer)));
}

void Batch::refuse(const Task& task, Code code, const std::string& field) {
    const Command& command = task.in->command;
    if (!command.reply.empty()) {  // of an entry that could not be read
        Reply answer;
        answer.id = command.id;
        answer.status = problemKind(code).status;
        answer.code = code;
        answer.field = field;
        replies_.emplace_back(command.reply, std::move(answer));
    }
}

}  // namespace messaging::worker
