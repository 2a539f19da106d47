// Memberships recomputed from messages. Reads only; who repairs decides how.
#include "worker/drift.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "schema/limits.hpp"
#include "schema/text.hpp"
#include "worker/handler.hpp"

namespace messaging::worker {
namespace {

// Every message up to lastSeq is one member's, so exact ordinals add up to lastSeq.
bool addsUp(const ConversationState& state) {
    uint64_t sum = 0;
    for (const auto& [member, ordinal] : state.ordinals) {
        sum += ordinal;
    }
    return sum == state.lastSeq;
}

}  // namespace

Result<States> loadExact(Store& store, const std::vector<ConversationRef>& refs) {
    Result<States> states = store.load(refs);
    if (!states.ok()) {
        return states;
    }
    for (auto& [ref, state] : states.value()) {
        if (addsUp(state)) {
            continue;
        }
        for (auto& [member, ordinal] : state.ordinals) {
            const Result<uint64_t> exact = store.ordinalAt(ref, member, state.lastSeq);
            if (!exact.ok()) {
                return exact.status();
            }
            ordinal = exact.value();
        }
    }
    return states;
}

Result<std::vector<Membership>> recompute(Store& store,
                                          const ConversationState& state) {
    const Conversation& conversation = state.conversation;
    const ConversationRef ref{conversation.site, conversation.id};
    std::vector<Membership> memberships;
    for (const std::string& member : conversation.members) {
        const auto found = state.memberships.find(member);
        if (state.lastSeq == 0 && found == state.memberships.end()) {
            continue;  // not listed before the first message, but by who opened it
        }
        Membership right;
        right.site = ref.site;
        right.conversation = ref.id;
        right.member = member;
        right.lastSeq = state.lastSeq;
        const auto ordinal = state.ordinals.find(member);
        right.sent = ordinal == state.ordinals.end() ? 0 : ordinal->second;
        right.activity = state.lastSeq == 0 ? conversation.createdAt : state.lastAt;
        right.preview = state.preview;
        right.preview.content = preview(right.preview.content, limits::kPreview);
        if (found != state.memberships.end()) {
            right.readSeq = std::min(found->second.readSeq, state.lastSeq);
        }
        if (right.readSeq == state.lastSeq) {
            right.readSent = right.sent;
        } else if (right.readSeq > 0) {
            const Result<uint64_t> sent = store.ordinalAt(ref, member, right.readSeq);
            if (!sent.ok()) {
                return sent.status();
            }
            right.readSent = sent.value();
        }
        copyState(conversation, &right);
        memberships.push_back(std::move(right));
    }
    return memberships;
}

bool made(const std::string& mark, const Conversation& conversation) {
    const std::vector<std::string>& changes = conversation.changes;
    return std::find(changes.begin(), changes.end(), mark) != changes.end();
}

void copyState(const Conversation& conversation, Membership* membership) {
    membership->rev = conversation.rev;
    membership->closed = conversation.closed;
    membership->archived = isArchived(conversation, membership->member);
    membership->context = conversation.context;
}

bool same(const Membership& left, const Membership& right) {
    return left.lastSeq == right.lastSeq && left.sent == right.sent &&
           left.readSeq == right.readSeq && left.readSent == right.readSent &&
           left.activity == right.activity && left.preview.seq == right.preview.seq &&
           left.preview.sender == right.preview.sender &&
           left.preview.content == right.preview.content &&
           left.preview.createdAt == right.preview.createdAt && left.rev == right.rev &&
           left.closed == right.closed && left.archived == right.archived;
}

Result<std::vector<Drift>> findDrift(Store& store, const ConversationRef& ref) {
    const Result<States> states = loadExact(store, {ref});
    if (!states.ok()) {
        return states.status();
    }
    std::vector<Drift> drifts;
    const auto state = states->find(ref);
    if (state == states->end()) {
        return drifts;
    }
    Result<std::vector<Membership>> memberships = recompute(store, state->second);
    if (!memberships.ok()) {
        return memberships.status();
    }
    for (Membership& right : memberships.value()) {
        const auto found = state->second.memberships.find(right.member);
        if (found == state->second.memberships.end()) {
            drifts.push_back({std::nullopt, std::move(right)});
        } else if (!same(found->second, right)) {
            drifts.push_back({found->second, std::move(right)});
        }
    }
    return drifts;
}

}  // namespace messaging::worker
