// Changes of a conversation within the store step of a batch: what its members ask for,
// and a message that opens it again. All of one batch are one change of the store.
#include <algorithm>

#include "schema/limits.hpp"
#include "worker/drift.hpp"
#include "worker/writer_batch.hpp"

namespace messaging::worker {
namespace {

// Rounds of changing. Each one lost means that another owner changed the same
// conversation between our look and our write.
constexpr int kRounds = 8;

}  // namespace

Status Batch::changeAll() {
    std::vector<Live*> changed;
    for (const Task& task : tasks_) {
        const bool reopens = task.reopens() && task.live->conversation.closed;
        if ((task.does(Operation::Change) || reopens) &&
            std::find(changed.begin(), changed.end(), task.live) == changed.end()) {
            changed.push_back(task.live);
        }
    }
    for (Live* live : changed) {
        if (Status status = change(*live); !status.ok()) {
            return status;
        }
    }
    return {};
}

// All of a conversation's changes as one. Where another owner's came first, or an
// earlier run of our own, they are made to what is there now.
Status Batch::change(Live& live) {
    for (int round = 0; round < kRounds; ++round) {
        Conversation to = live.conversation;
        for (Task& task : tasks_) {
            if (task.live == &live && task.does(Operation::Change)) {
                apply(task, &to);
            } else if (task.live == &live && task.reopens()) {
                reopen(task, &to);
            }
        }
        if (to.rev == live.conversation.rev) {
            return {};
        }
        const Result<bool> changed = store_.change(live.conversation.rev, to);
        if (!changed.ok()) {
            return changed.status();
        }
        if (changed.value()) {
            live.conversation = std::move(to);
            return {};
        }
        Result<std::optional<Conversation>> found = store_.conversation(live.ref);
        if (!found.ok()) {
            return found.status();
        }
        if (!found.value() || found.value()->members != live.conversation.members) {
            return {Code::Internal, "a conversation is gone or another one"};
        }
        live.conversation = std::move(*found.value());
    }
    crowded_ = true;
    return {Code::Internal, "another owner keeps changing"};
}

void Batch::apply(Task& task, Conversation* to) const {
    task.changed = !made(task.mark, *to);
    if (!task.changed) {
        return;
    }
    const ChangeArguments& change = task.change;
    if (change.closed) {
        if (*change.closed && !to->closed) {
            to->closedSeq = newestBefore(task);
        }
        to->closed = *change.closed;
    }
    if (change.archived) {
        const std::string& member = to->members[task.seat];
        const auto place =
            std::lower_bound(to->archived.begin(), to->archived.end(), member);
        const bool there = place != to->archived.end() && *place == member;
        if (*change.archived && !there) {
            to->archived.insert(place, member);
        } else if (!*change.archived && there) {
            to->archived.erase(place);
        }
    }
    if (change.subject) {
        to->subject = *change.subject;
    }
    to->rev += 1;
    to->changes.push_back(task.mark);
    if (to->changes.size() > limits::kMaxChanges) {
        to->changes.erase(to->changes.begin());
    }
}

// It needs no mark to be known again: what was open, or was closed after the message,
// stays as it is.
void Batch::reopen(Task& task, Conversation* to) const {
    task.changed = to->closed && task.message.seq > to->closedSeq;
    if (task.changed) {
        to->closed = false;
        to->rev += 1;
    }
}

// Its conversation's newest message as of this entry.
uint64_t Batch::newestBefore(const Task& task) const {
    uint64_t newest = task.live->position;
    for (const Task* earlier = tasks_.data(); earlier != &task; ++earlier) {
        if (earlier->live == task.live && earlier->content) {
            newest = std::max(newest, earlier->message.seq);
        }
        if (earlier->live == task.live && earlier->confirmation != nullptr) {
            newest = std::max(newest, earlier->confirmation->message.seq);
        }
    }
    return newest;
}

}  // namespace messaging::worker
