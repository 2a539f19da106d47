// What a writer does around its batches: it finishes what an earlier batch may have
// left half done, and rolls forward what other owners left.
#include <map>
#include <set>
#include <utility>

#include "schema/keys.hpp"
#include "worker/drift.hpp"
#include "worker/handler.hpp"
#include "worker/writer_batch.hpp"
#include "worker/writer_cache.hpp"

namespace messaging::worker {
namespace {

// Conversations whose numbers are kept. Two members and a preview: about 1 KB each.
constexpr size_t kLives = 16384;

// An owner that was stopped for longer than this after its note has lost its lease, and
// what it still inserts is found by whoever writes next.
constexpr uint64_t kSecondLook = 60 * 1000;

// By conversation, the sum of its memberships' numbers, each of which only rises: it is
// another one where there is something new to tell.
using Heights = std::map<ConversationRef, uint64_t>;

// A foreign note, and what was done about it.
struct Seen {
    std::vector<ConversationRef> conversations;
    Heights told;
    int looks = 0;
    uint64_t at = 0;    // of the first look
    bool dead = false;  // its owner, surely, at that time
};

bool anyRedelivered(const std::vector<Delivered>& batch) {
    for (const Delivered& entry : batch) {
        if (entry.redelivered) {
            return true;
        }
    }
    return false;
}

}  // namespace

struct Writer::State {
    State(Store& theStore, std::string theOwner)
        : store(theStore), owner(std::move(theOwner)) {}

    Status complete(const std::vector<ConversationRef>& refs, Heights& told,
                    Effects& effects);
    Status finish(Effects& effects);
    Status look(const Note& note, Fate fate, uint64_t now, Effects& effects);

    Store& store;
    const std::string owner;
    Lives lives{kLives};
    Directory directory;
    // What a batch touched of which nobody knows whether it was stored.
    std::vector<ConversationRef> unsettled;
    // What the last batch touched, which is perhaps not published yet.
    std::vector<ConversationRef> last;
    std::map<std::string, Seen> seen;  // by owner
};

Writer::Writer(Store& store, std::string owner)
    : state_(std::make_unique<State>(store, std::move(owner))) {}

Writer::~Writer() = default;

void Writer::learn(const User& user) {
    state_->directory.learn(user);
}

Status Writer::nameUsers(Effects& effects) {
    State& state = *state_;
    Batch work(state.store, state.lives, state.directory, {state.owner, {}});
    return work.runNames(effects);
}

void Writer::forget(unsigned shard) {
    state_->lives.eraseIf(
        [shard](const ConversationRef& ref) { return shardOf(ref.id) == shard; });
}

Status Writer::run(const std::vector<Delivered>& batch, Effects& effects) {
    State& state = *state_;
    const bool redelivered = anyRedelivered(batch);
    const auto outcome = [redelivered](const Status& status) -> Status {
        if (status.code() == Code::StoreUnavailable && redelivered) {
            return {Code::Internal, status.detail()};
        }
        return status;
    };

    // Named by this batch's note too, which takes the place of theirs.
    std::vector<ConversationRef> before = state.unsettled;
    before.insert(before.end(), state.last.begin(), state.last.end());
    if (Status status = state.finish(effects); !status.ok()) {
        return outcome({Code::StoreUnavailable, status.detail()});
    }
    Batch work(state.store, state.lives, state.directory,
               {state.owner, std::move(before)});
    Status status = work.run(batch, effects);
    if (status.code() == Code::Internal) {
        state.unsettled = work.touched();
    } else if (status.ok()) {
        state.last = work.touched();
    }
    return outcome(status);
}

Status Writer::State::finish(Effects& effects) {
    if (unsettled.empty()) {
        return {};
    }
    Heights told;
    Status status = complete(unsettled, told, effects);
    if (status.ok()) {
        unsettled.clear();
    }
    return status;
}

// Memberships raised to what the messages say. Members of what is not as `told` has it
// are told that they may have missed something: nobody knows which events were said.
Status Writer::State::complete(const std::vector<ConversationRef>& refs, Heights& told,
                               Effects& effects) {
    Result<States> states = loadExact(store, refs);
    if (!states.ok()) {
        return states.status();
    }
    std::set<std::pair<std::string, std::string>> inboxes;
    std::vector<Membership> wrong;
    for (const auto& [ref, conversation] : states.value()) {
        lives.take(ref);
        Result<std::vector<Membership>> right = recompute(store, conversation);
        if (!right.ok()) {
            return right.status();
        }
        uint64_t height = 0;
        for (const Membership& membership : right.value()) {
            height += 1 + membership.lastSeq + membership.readSeq + membership.rev;
        }
        const bool news = std::exchange(told[ref], height) != height;
        for (Membership& membership : right.value()) {
            if (news) {
                inboxes.emplace(membership.site, membership.member);
            }
            const auto found = conversation.memberships.find(membership.member);
            if (found == conversation.memberships.end() ||
                !same(found->second, membership)) {
                wrong.push_back(std::move(membership));
            }
        }
    }
    if (!wrong.empty()) {
        Status status = store.begin({owner, refs});
        if (status.code() == Code::StoreUnavailable) {
            return status;
        }
        if (status.ok()) {
            status = store.raise(wrong);
        }
        if (status.ok()) {
            status = store.commit();
        }
        if (!status.ok()) {
            // Whether it was undone does not matter: whoever comes again raises the
            // same.
            const Status undone = store.abandon();
            return {Code::StoreUnavailable, status.detail() + undone.detail()};
        }
    }
    for (const auto& [site, member] : inboxes) {
        effects.publications.push_back({site, member, {}});
    }
    return {};
}

Status Writer::rollForward(uint64_t now, const FateOf& fateOf, Effects& effects) {
    State& state = *state_;
    if (Status status = state.finish(effects); !status.ok()) {
        return status;
    }
    const Result<std::vector<Note>> notes = state.store.notes(state.owner);
    if (!notes.ok()) {
        return notes.status();
    }
    std::map<std::string, Seen> still;
    for (const Note& note : notes.value()) {
        if (auto one = state.seen.extract(note.owner)) {
            still.insert(std::move(one));
        }
    }
    state.seen = std::move(still);
    for (const Note& note : notes.value()) {
        const Fate fate = fateOf(note.owner);
        if (Status status = state.look(note, fate, now, effects); !status.ok()) {
            return status;
        }
    }
    return {};
}

Status Writer::State::look(const Note& note, Fate fate, uint64_t now,
                           Effects& effects) {
    if (fate == Fate::Lives) {
        seen.erase(note.owner);  // it says itself what it stores
        return {};
    }
    Seen next;
    next.conversations = note.conversations;
    const auto before = seen.find(note.owner);
    if (before != seen.end() && before->second.conversations == note.conversations) {
        next = before->second;
    }
    // It may have gone on after the last look, and died later.
    const bool died = fate == Fate::Dead && !next.dead;
    if (next.looks == 2 && !died) {
        Status status = store.dropNote(note.owner);
        if (status.ok()) {
            seen.erase(note.owner);
        }
        return status;
    }
    if (next.looks == 1 && !died && now < next.at + kSecondLook) {
        return {};
    }
    if (Status status = complete(note.conversations, next.told, effects);
        !status.ok()) {
        return status;
    }
    next.looks = next.looks == 0 || died ? 1 : 2;
    next.at = next.looks == 1 ? now : next.at;
    next.dead = fate == Fate::Dead;
    seen[note.owner] = std::move(next);
    return {};
}

Status Writer::leave() {
    State& state = *state_;
    return state.unsettled.empty() ? state.store.dropNote(state.owner) : Status();
}

}  // namespace messaging::worker
