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
constexpr size_t kLives = 4096;

// An owner that was stopped for longer than this after its note has lost its lease, and
// what it still inserts is found by whoever writes next.
constexpr uint64_t kSecondLook = 60 * 1000;

// A foreign note, and when it was first seen like this.
struct Seen {
    std::vector<ConversationRef> conversations;
    uint64_t at = 0;
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

    Status complete(const std::vector<ConversationRef>& refs, Effects& effects);

    Store& store;
    const std::string owner;
    Lives lives{kLives};
    Directory directory;
    // What a batch touched of which nobody knows whether it was stored.
    std::vector<ConversationRef> unsettled;
    std::map<std::string, Seen> seen;  // by owner
};

Writer::Writer(Store& store, std::string owner)
    : state_(std::make_unique<State>(store, std::move(owner))) {}

Writer::~Writer() = default;

void Writer::learn(const User& user) {
    state_->directory.learn(user);
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

    Effects said;
    if (!state.unsettled.empty()) {
        // The note of that batch would be overwritten by this one's.
        if (Status status = state.complete(state.unsettled, said); !status.ok()) {
            return outcome({Code::StoreUnavailable, status.detail()});
        }
        state.unsettled.clear();
    }
    Batch work(state.store, state.lives, state.directory, state.owner);
    Status status = work.run(batch, said);
    if (status.code() == Code::Internal) {
        state.unsettled = work.touched();
    }
    if (!status.ok()) {
        return outcome(status);
    }
    if (effects.replies.empty() && effects.publications.empty()) {
        effects = std::move(said);
        return {};
    }
    for (auto& reply : said.replies) {
        effects.replies.push_back(std::move(reply));
    }
    for (Publication& publication : said.publications) {
        effects.publications.push_back(std::move(publication));
    }
    return {};
}

// Memberships raised to what the messages say, and every member told.
Status Writer::State::complete(const std::vector<ConversationRef>& refs,
                               Effects& effects) {
    Result<States> states = loadExact(store, refs);
    if (!states.ok()) {
        return states.status();
    }
    std::vector<Membership> all;
    std::vector<Membership> wrong;
    for (const auto& [ref, conversation] : states.value()) {
        lives.take(ref);
        Result<std::vector<Membership>> right = recompute(store, conversation);
        if (!right.ok()) {
            return right.status();
        }
        for (Membership& membership : right.value()) {
            const auto found = conversation.memberships.find(membership.member);
            if (found == conversation.memberships.end() ||
                !same(found->second, membership)) {
                wrong.push_back(membership);
            }
            all.push_back(std::move(membership));
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
    for (const Membership& membership : all) {
        effects.publications.push_back({membership.site,
                                        membership.member,
                                        {{"unread", unreadEvent(membership)}}});
    }
    return {};
}

Status Writer::rollForward(uint64_t now, Effects& effects) {
    State& state = *state_;
    const Result<std::vector<Note>> notes = state.store.notes(state.owner);
    if (!notes.ok()) {
        return notes.status();
    }
    std::map<std::string, Seen> still;
    for (const Note& note : notes.value()) {
        const auto before = state.seen.find(note.owner);
        const bool known = before != state.seen.end() &&
                           before->second.conversations == note.conversations;
        if (known && now < before->second.at + kSecondLook) {
            still[note.owner] = before->second;
            continue;
        }
        if (Status status = state.complete(note.conversations, effects); !status.ok()) {
            return status;
        }
        if (!known) {
            still[note.owner] = {note.conversations, now};
        } else if (Status status = state.store.dropNote(note.owner); !status.ok()) {
            return status;
        }
    }
    state.seen = std::move(still);
    return {};
}

}  // namespace messaging::worker
