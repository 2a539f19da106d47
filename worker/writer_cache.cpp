// Arithmetic of the numbers in memory; see the header.
#include "worker/writer_cache.hpp"

#include <algorithm>

#include "schema/limits.hpp"
#include "schema/text.hpp"
#include "worker/drift.hpp"

namespace messaging::worker {

size_t Live::seatOf(std::string_view member) const {
    const std::vector<std::string>& members = conversation.members;
    const auto place = std::lower_bound(members.begin(), members.end(), member);
    return place != members.end() && *place == member
               ? static_cast<size_t>(place - members.begin())
               : kNobody;
}

Numbers Live::numbersOf(const Seat& seat) const {
    Numbers numbers;
    numbers.lastSeq = lastSeq;
    numbers.sent = seat.sent;
    numbers.readSeq = seat.readSeq;
    numbers.readSent = seat.readSent;
    numbers.activity = lastSeq == 0 ? conversation.createdAt : lastAt;
    numbers.rev = conversation.rev;
    return numbers;
}

Membership Live::membership(size_t seat) {
    if (newest != nullptr) {
        preview.seq = newest->seq;
        preview.sender = newest->sender;
        preview.content = messaging::preview(newest->content, limits::kPreview);
        preview.createdAt = newest->createdAt;
        newest = nullptr;
    }
    const Numbers numbers = numbersOf(seats[seat]);
    Membership membership;
    membership.site = ref.site;
    membership.conversation = ref.id;
    membership.member = conversation.members[seat];
    membership.lastSeq = numbers.lastSeq;
    membership.sent = numbers.sent;
    membership.readSeq = numbers.readSeq;
    membership.readSent = numbers.readSent;
    membership.activity = numbers.activity;
    membership.preview = preview;
    copyState(conversation, &membership);
    return membership;
}

bool Live::differs(const Seat& seat) const {
    if (lastSeq == 0) {
        return seat.stored ? seat.store.rev < conversation.rev : seat.opening;
    }
    return !(seat.store == numbersOf(seat));  // zeros where nothing is stored
}

void Live::endBatch() {
    for (Seat& seat : seats) {
        if (lists(seat)) {
            seat.stored = true;
            seat.store = numbersOf(seat);
        }
        seat.told = false;
    }
    position = lastSeq;
    fresh = false;
    used = false;
    users.clear();
}

void adopt(ConversationState state, Live* live) {
    live->ref = {state.conversation.site, state.conversation.id};
    live->conversation = std::move(state.conversation);
    live->lastSeq = state.lastSeq;
    live->lastAt = state.lastAt;
    live->preview = std::move(state.preview);
    live->preview.content = preview(live->preview.content, limits::kPreview);
    live->newest = nullptr;
    live->numbered = state.lastSeq;
    live->numberedAt = state.lastAt;

    live->seats.resize(live->conversation.members.size());
    for (size_t i = 0; i < live->seats.size(); ++i) {
        const std::string& member = live->conversation.members[i];
        Seat& seat = live->seats[i];
        const auto ordinal = state.ordinals.find(member);
        seat.sent = ordinal == state.ordinals.end() ? 0 : ordinal->second;
        seat.numbered = seat.sent;
        const auto found = state.memberships.find(member);
        if (found == state.memberships.end()) {
            continue;
        }
        const Membership& row = found->second;
        seat.stored = true;
        seat.store = {row.lastSeq,  row.sent,     row.readSeq,
                      row.readSent, row.activity, row.rev};
        // A store that lost messages may say more than there is to read.
        seat.readSeq = std::min(row.readSeq, state.lastSeq);
        seat.readSent = std::min(row.readSent, seat.sent);
    }
}

void Directory::learn(const User& user) {
    const bool silent = isSilent(user);
    const ConversationRef key{user.site, user.id};
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto waiting = waiting_.find(key);
    if (waiting != waiting_.end()) {
        if (!silent) {
            waiting->second = user;
        }
        return;
    }
    Words* words = known_.find(key);
    if (words != nullptr && silent && (words->silent || words->role.empty())) {
        return;
    }
    if (words != nullptr && !silent && says(*words, user)) {
        words->silent = false;
        return;
    }
    if (waiting_.size() < kWaiting) {
        waiting_.emplace(key, user);
    }
}

bool Directory::knows(const ConversationRef& person) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return waiting_.count(person) > 0 || known_.find(person) != nullptr;
}

std::vector<User> Directory::take(size_t most) {
    std::vector<User> users;
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto next = waiting_.begin(); next != waiting_.end() && users.size() < most;) {
        users.push_back(std::move(next->second));
        next = waiting_.erase(next);
    }
    return users;
}

void Directory::stored(const std::vector<User>& users) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const User& user : users) {
        const ConversationRef key{user.site, user.id};
        Words* words = isSilent(user) ? known_.find(key) : nullptr;
        if (words != nullptr) {
            words->silent = true;
        } else {
            known_.put(key, {user.role, user.name, isSilent(user)});
        }
    }
}

void Directory::forget() {
    const std::lock_guard<std::mutex> lock(mutex_);
    known_.eraseIf([](const ConversationRef&) { return true; });
}

void Directory::failed(std::vector<User> users) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (User& user : users) {
        // What was learned meanwhile is newer.
        waiting_.emplace(ConversationRef{user.site, user.id}, std::move(user));
    }
}

}  // namespace messaging::worker
