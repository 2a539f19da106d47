// The second step of a batch: one store transaction. A sequence number that somebody
// else took and a key that is stored already both show as a duplicate; the key is asked
// for first, then the conversation is loaded and what is left of it numbered again. So
// nothing is stored twice, no number is left out, and a conversation's messages keep
// the order in which they came.
#include <algorithm>

#include "worker/crash.hpp"
#include "worker/drift.hpp"
#include "worker/writer_batch.hpp"

namespace messaging::worker {
namespace {

// Rounds of numbering and inserting. Each one lost means that another owner wrote into
// the same conversation between our load and our insert.
constexpr int kRounds = 8;

}  // namespace

Status Batch::run(const std::vector<Delivered>& entries, Effects& effects) {
    tasks_.reserve(entries.size());
    for (const Delivered& entry : entries) {
        tasks_.emplace_back().in = &entry;
        parse(tasks_.back());
    }
    Status status = acquire();
    for (auto task = tasks_.begin(); status.ok() && task != tasks_.end(); ++task) {
        status = admit(*task);
    }
    if (status.ok()) {
        status = nameMembers();
    }
    if (status.ok()) {
        status = confirmFound();
    }
    if (!status.ok()) {
        return {Code::StoreUnavailable, status.detail()};
    }
    return write(effects);
}

void Batch::touch() {
    touched_.reserve(lives_.size());
    for (const auto& [ref, live] : lives_) {
        if (live != nullptr && live->used) {
            touched_.push_back(ref);
        }
    }
}

Status Batch::write(Effects& effects) {
    if (writes()) {
        touch();
        std::vector<ConversationRef>& noted = note_.conversations;
        noted.insert(noted.end(), touched_.begin(), touched_.end());
        Status status = store_.begin(note_);
        if (!status.ok()) {
            return status.code() == Code::StoreUnavailable ? status : abandoned(status);
        }
        users_ = directory_.take(kMostUsers);
        status = writeAll();
        if (!status.ok()) {
            directory_.failed(std::move(users_));
            return abandoned(status);
        }
        directory_.stored(users_);
        crashPoint("after-commit");
    } else if (Status status = settleAll(); !status.ok()) {
        return {Code::StoreUnavailable, status.detail()};
    }
    for (auto& answer : replies_) {
        effects.replies.push_back(std::move(answer));
    }
    for (Publication& publication : outbox_.take()) {
        effects.publications.push_back(std::move(publication));
    }
    for (auto& [ref, live] : lives_) {
        // One that no entry used may have memberships that lag behind.
        if (live != nullptr && live->used) {
            live->endBatch();
            cache_.put(ref, std::move(live));
        }
    }
    return {};
}

Status Batch::writeAll() {
    // First, so that whoever comes again for the rest finds them.
    if (!hints_.empty()) {
        if (Status status = store_.hintUsers(hints_); !status.ok()) {
            return status;
        }
    }
    if (Status status = insertOpened(); !status.ok()) {
        return status;
    }
    crashPoint("before-insert");
    if (Status status = insert(); !status.ok()) {
        return status;
    }
    crashPoint("after-insert");
    if (Status status = changeAll(); !status.ok()) {
        return status;
    }
    crashPoint("after-changes");
    if (Status status = settleAll(); !status.ok()) {
        return status;
    }
    if (!raises_.empty()) {
        if (Status status = store_.raise(raises_); !status.ok()) {
            return status;
        }
    }
    if (Status status = putUsers(); !status.ok()) {
        return status;
    }
    crashPoint("after-memberships");
    return store_.commit();
}

// Where somebody else was quicker it is the same conversation: unless an import made it
// an alias meanwhile, at which nothing may be stored.
Status Batch::insertOpened() {
    std::vector<Conversation> opened;
    std::vector<ConversationRef> refs;
    for (const auto& [ref, live] : lives_) {
        if (live != nullptr && live->fresh) {
            opened.push_back(live->conversation);
            refs.push_back(ref);
        }
    }
    if (opened.empty()) {
        return {};
    }
    const Result<bool> absent = store_.insertConversations(opened);
    if (!absent.ok() || absent.value()) {
        return absent.status();
    }
    const Result<std::vector<Conversation>> found = store_.conversations(refs);
    if (!found.ok()) {
        return found.status();
    }
    for (const Conversation& conversation : found.value()) {
        if (conversation.isAlias()) {
            crowded_ = true;
            return {Code::Internal, "a conversation became an alias"};
        }
    }
    return {};
}

Status Batch::abandoned(const Status& failure) {
    // Where it was only crowded, one by one gets further than a refusal.
    const bool proven = store_.abandon().ok() && !crowded_;
    return {proven ? Code::StoreUnavailable : Code::Internal, failure.detail()};
}

// --- Messages

Status Batch::insert() {
    std::vector<Task*> waiting;
    for (Task& task : tasks_) {
        if (task.inserts && !task.dropped && !task.refused()) {
            waiting.push_back(&task);
        }
        if (task.confirmation != nullptr && task.confirmation->inserts) {
            waiting.push_back(task.confirmation);
        }
    }
    for (int round = 0; !waiting.empty(); ++round) {
        if (round == kRounds) {
            crowded_ = true;
            return {Code::Internal, "another owner keeps writing"};
        }
        if (Status status = numberAll(waiting); !status.ok()) {
            return status;
        }
        if (Status status = insertRound(waiting); !status.ok()) {
            return status;
        }
        if (Status status = reload(); !status.ok()) {
            return status;
        }
    }
    return {};
}

// A first message and the one that confirms it stand together. One that came after all
// later is confirmed only while nobody has answered.
Status Batch::numberAll(std::vector<Task*>& waiting) {
    std::vector<Task*> line;
    line.reserve(waiting.size());
    for (Task* task : waiting) {
        if (task->confirms != nullptr && task->confirms->message.seq != 1 &&
            task->live->seats[task->seat].numbered > 0) {
            task->confirms->confirmation = nullptr;
            continue;
        }
        number(*task);
        line.push_back(task);
        if (task->confirms != nullptr || task->confirmation != nullptr) {
            continue;
        }
        if (Status status = confirm(*task); !status.ok()) {
            return status;
        }
        if (task->confirmation != nullptr) {
            number(*task->confirmation);
            line.push_back(task->confirmation);
        }
    }
    waiting = std::move(line);
    return {};
}

void Batch::number(Task& task) {
    Live& live = *task.live;
    Seat& seat = live.seats[task.seat];
    live.numberedAt = std::max(task.in->at, live.numberedAt);
    task.message.seq = ++live.numbered;
    task.message.ordinal = ++seat.numbered;
    task.message.createdAt = live.numberedAt;
}

// Leaves in `waiting` what must be numbered again.
Status Batch::insertRound(std::vector<Task*>& waiting) {
    std::vector<Message> messages;
    messages.reserve(waiting.size());
    for (Task* task : waiting) {
        messages.push_back(std::move(task->message));
    }
    const Result<std::vector<InsertResult>> results = store_.insertMessages(messages);
    if (!results.ok()) {
        return results.status();
    }
    if (results->size() != messages.size()) {
        return {Code::Internal, "the store answered for other messages"};
    }
    std::vector<Task*> again;
    for (size_t i = 0; i < waiting.size(); ++i) {
        Task& task = *waiting[i];
        Live& live = *task.live;
        task.message = std::move(messages[i]);
        const InsertResult result = results.value()[i];
        if (result == InsertResult::Inserted) {
            continue;
        }
        live.blocked = true;
        // Where one key was repeated others may be: a client that sends its queue
        // again.
        if (result == InsertResult::Duplicate || live.repeated) {
            if (Status status = lookUp(task); !status.ok()) {
                return status;
            }
            live.repeated = live.repeated || task.found;
        }
        if (!task.found) {
            again.push_back(&task);
            continue;
        }
        if (Status status = lookUpConfirmation(task); !status.ok()) {
            return status;
        }
        if (task.confirmation != nullptr && task.confirmation->message.seq == 0) {
            again.push_back(task.confirmation);
        }
    }
    waiting = std::move(again);
    return {};
}

// Whether a message is stored under the task's key; if so the task has it.
Status Batch::lookUp(Task& task) {
    Result<std::optional<Message>> stored =
        store_.messageByKey(task.live->ref, task.message.sender, task.message.key);
    if (!stored.ok()) {
        return stored.status();
    }
    if (std::optional<Message>& message = stored.value(); message) {
        task.message = std::move(*message);
        task.found = true;
        task.inserts = false;
    }
    return {};
}

// The truth for conversations in which a round met a duplicate.
Status Batch::reload() {
    std::vector<ConversationRef> refs;
    for (auto& [ref, live] : lives_) {
        if (live != nullptr && live->blocked) {
            refs.push_back(ref);
        }
    }
    if (refs.empty()) {
        return {};
    }
    Result<States> states = loadExact(store_, refs);
    if (!states.ok()) {
        return states.status();
    }
    for (const ConversationRef& ref : refs) {
        const auto state = states->find(ref);
        Live& live = *lives_[ref];
        if (state == states->end() ||
            state->second.conversation.members != live.conversation.members) {
            return {Code::Internal, "a conversation is gone or another one"};
        }
        adopt(std::move(state->second), &live);
        live.blocked = false;
        live.repeated = false;
    }
    return {};
}

}  // namespace messaging::worker
