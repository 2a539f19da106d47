// A batch is at most kBatch messages and ends with its memberships raised, so that
// whatever is committed is whole: who is stopped between two of them goes on by running
// again.
#include "worker/fill.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "schema/keys.hpp"
#include "schema/text.hpp"
#include "worker/crash.hpp"
#include "worker/drift.hpp"

namespace messaging::worker {
namespace {

constexpr size_t kBatch = 500;

// Rounds of numbering and inserting while workers write into the same conversation.
constexpr int kRounds = 8;

// Tries more of what surely failed.
constexpr int kBegins = 4;
constexpr std::chrono::milliseconds kPause{500};

// The mark of the one change that is made: a status that was closed already.
constexpr const char* kMark = "moved-in";

}  // namespace

size_t Filler::Place::seatOf(const std::string& member) const {
    const auto& members = conversation.members;
    const auto found = std::lower_bound(members.begin(), members.end(), member);
    return static_cast<size_t>(found - members.begin());
}

// --- Conversations

Status Filler::look(const std::vector<Conversation>& wanted) {
    places_.clear();
    at_ = nullptr;
    std::vector<ConversationRef> refs;
    for (const Conversation& conversation : wanted) {
        auto place = std::make_unique<Place>();
        place->conversation = conversation;
        refs.push_back({conversation.site, conversation.id});
        if (conversation.kind == kDirect) {
            place->aliasAt =
                directId(conversation.site, conversation.members,
                         conversation.context.type, conversation.context.id);
            refs.push_back({conversation.site, place->aliasAt});
        }
        places_.push_back(std::move(place));
    }
    Result<States> states = loadExact(store_, refs);
    if (!states.ok()) {
        return states.status();
    }
    std::set<std::string> made;
    for (auto& place : places_) {
        Conversation& conversation = place->conversation;
        if (place->aliasAt == conversation.id) {
            place->aliasAt.clear();
        }
        if (!place->aliasAt.empty()) {
            conversation.forward = conversation.id;
            const auto there = states->find({conversation.site, place->aliasAt});
            if (there == states->end()) {
                if (!made.insert(place->aliasAt).second) {
                    place->opened = Opened::SecondOfThese;
                }
            } else if (!there->second.conversation.isAlias()) {
                place->opened = Opened::StartedAnew;
            } else if (there->second.conversation.forward != conversation.id) {
                place->opened = Opened::SecondOfThese;
            }
            if (there != states->end() || place->opened != Opened::Ready) {
                place->aliasAt.clear();
            }
        }
        place->seats.resize(conversation.members.size());
        const auto found = states->find({conversation.site, conversation.id});
        if (found == states->end()) {
            place->closes = conversation.closed;
            conversation.closed = false;
            continue;
        }
        ConversationState& state = found->second;
        place->stored = true;
        if (state.conversation.members != conversation.members) {
            place->opened = Opened::OtherMembers;
            continue;
        }
        place->closes = conversation.closed && state.conversation.rev == 0;
        conversation = std::move(state.conversation);
        place->lastSeq = state.lastSeq;
        place->lastAt = state.lastAt;
        place->newestAt = state.lastAt;
        place->preview = std::move(state.preview);
        place->memberships = std::move(state.memberships);
        place->end = state.lastSeq;
        for (size_t i = 0; i < place->seats.size(); ++i) {
            place->seats[i].sent = state.ordinals[conversation.members[i]];
        }
    }
    return {};
}

Opened Filler::open(size_t index) {
    Place& place = *places_.at(index);
    at_ = place.opened == Opened::OtherMembers ? nullptr : &place;
    if (at_ != nullptr && !place.stored) {
        ++filled_.conversations;
        touch(place);
    } else if (at_ != nullptr && !place.aliasAt.empty()) {
        touch(place);
    }
    return place.opened;
}

void Filler::touch(Place& place) {
    place.touched = true;
}

Status Filler::close() {
    Place& place = *at_;
    at_ = nullptr;
    place.page.clear();
    for (const Membership& wanted : membershipsOf(place)) {
        const auto found = place.memberships.find(wanted.member);
        if (found == place.memberships.end() ||
            found->second.lastSeq < wanted.lastSeq ||
            found->second.sent < wanted.sent ||
            found->second.readSeq < wanted.readSeq) {
            touch(place);
        }
    }
    if (place.closes) {
        touch(place);
    }
    return {};
}

// --- Messages

// A page of what is stored, of our own kind: whatever was written here since is not
// looked at.
Status Filler::turnPage(Place& place) {
    while (place.page.empty() && place.pageEnd < place.end) {
        HistoryArguments range;
        range.after = place.pageEnd;
        range.limit = limits::kMaxPage;
        const ConversationRef ref{place.conversation.site, place.conversation.id};
        Result<std::vector<Message>> found = store_.history(ref, range);
        if (!found.ok()) {
            return found.status();
        }
        place.pageEnd = place.end;
        for (Message& message : found.value()) {
            if (message.seq > place.end) {
                break;
            }
            place.pageEnd = message.seq;
            if (!isCommandKey(message.key)) {  // else it was written here
                place.page.push_back(std::move(message));
            }
        }
    }
    return {};
}

// The stored one, if it is. Most come in the order in which they were stored, so the
// next one of the page is it, or it is new; the others are asked for by their key.
Result<std::optional<Message>> Filler::find(const Message& message) {
    Place& place = *at_;
    if (Status status = turnPage(place); !status.ok()) {
        return status;
    }
    if (place.page.empty()) {
        return std::optional<Message>();
    }
    if (place.page.front().key == message.key) {
        std::optional<Message> found(std::move(place.page.front()));
        place.page.pop_front();
        return found;
    }
    return store_.messageByKey({place.conversation.site, place.conversation.id},
                               message.sender, message.key);
}

Result<Filler::Added> Filler::add(Message message, bool read) {
    Place& place = *at_;
    Added added;
    Result<std::optional<Message>> found = find(message);
    if (!found.ok()) {
        return found.status();
    }
    if (found.value()) {
        ++filled_.known;
        added.known = true;
        mark(place, *found.value(), read, &added);
        return added;
    }
    added.late = message.createdAt < place.newestAt;
    place.newestAt = std::max(place.newestAt, message.createdAt);
    message.site = place.conversation.site;
    message.conversation = place.conversation.id;
    message.seq = ++place.lastSeq;
    message.ordinal = ++place.seats.at(place.seatOf(message.member)).sent;
    place.lastAt = message.createdAt;
    place.preview = {message.seq, message.sender,
                     preview(message.content, limits::kPreview), message.createdAt};
    mark(place, message, read, &added);
    touch(place);
    ++filled_.messages;
    messages_.push_back(std::move(message));
    owners_.push_back(&place);
    if (messages_.size() >= kBatch) {
        if (Status status = write(); !status.ok()) {
            return status;
        }
    }
    return added;
}

// Read marks are the longest read beginning: of all members but the one who wrote it.
void Filler::mark(Place& place, const Message& message, bool read, Added* added) {
    for (size_t i = 0; i < place.seats.size(); ++i) {
        Seat& seat = place.seats[i];
        const bool own = place.conversation.members[i] == message.member;
        seat.reads = seat.reads && (own || read) && message.seq == seat.readSeq + 1;
        if (seat.reads) {
            seat.readSeq = message.seq;
            seat.readSent = own ? message.ordinal : seat.readSent;
        } else if (!own && read) {
            added->unkept = true;
        }
    }
}

// --- Writing

std::vector<Membership> Filler::membershipsOf(const Place& place) const {
    const Conversation& conversation = place.conversation;
    std::vector<Membership> memberships;
    for (size_t i = 0; i < place.seats.size(); ++i) {
        Membership to;
        to.member = conversation.members[i];
        if (place.lastSeq == 0 && to.member != conversation.starter) {
            continue;  // not listed before the first message, but by who opened it
        }
        const Seat& seat = place.seats[i];
        to.site = conversation.site;
        to.conversation = conversation.id;
        to.lastSeq = place.lastSeq;
        to.sent = seat.sent;
        to.readSeq = seat.readSeq;
        to.readSent = seat.readSent;
        to.activity = place.lastSeq == 0 ? conversation.createdAt : place.lastAt;
        to.preview = place.preview;
        copyState(conversation, &to);
        memberships.push_back(std::move(to));
    }
    return memberships;
}

Status Filler::flush() {
    Status status = write();
    places_.clear();
    return status;
}

Status Filler::write() {
    Status status = dry_ ? Status() : writeBatch();
    messages_.clear();
    owners_.clear();
    for (auto& place : places_) {
        place->touched = false;
    }
    return status;
}

Status Filler::writeBatch() {
    Note note{owner_, {}};
    std::vector<Conversation> opened;
    for (const auto& place : places_) {
        if (!place->touched) {
            continue;
        }
        const Conversation& conversation = place->conversation;
        note.conversations.push_back({conversation.site, conversation.id});
        if (!place->stored) {
            opened.push_back(conversation);
        }
        if (!place->aliasAt.empty()) {
            opened.push_back(aliasOf(conversation, place->aliasAt));
            note.conversations.push_back({conversation.site, place->aliasAt});
        }
    }
    if (note.conversations.empty()) {
        return {};
    }
    // Workers may keep the store busy; nothing is lost by asking again.
    Status status = store_.begin(note);
    for (int again = 0; status.code() == Code::StoreUnavailable && again < kBegins;
         ++again) {
        std::this_thread::sleep_for(kPause);
        status = store_.begin(note);
    }
    if (!status.ok()) {
        return status;
    }
    crashPoint("fill-begun");
    if (!opened.empty()) {
        // Where a start was quicker with the derived id, that one stays: the next run
        // says so.
        status = store_.insertConversations(opened).status();
    }
    crashPoint("fill-opened");
    if (status.ok()) {
        status = insert();
    }
    crashPoint("fill-inserted");
    std::vector<Membership> raises;
    for (auto place = places_.begin(); status.ok() && place != places_.end(); ++place) {
        if (!(*place)->touched) {
            continue;
        }
        if ((*place)->closes && place->get() != at_) {
            status = closeStored(**place);
        }
        for (Membership& to : membershipsOf(**place)) {
            raises.push_back(std::move(to));
        }
    }
    if (status.ok() && !raises.empty()) {
        status = store_.raise(raises);
    }
    crashPoint("fill-raised");
    if (status.ok()) {
        status = store_.commit();
    }
    if (!status.ok()) {
        const Status undone = store_.abandon();
        return {status.code(), status.detail() + undone.detail()};
    }
    for (auto& place : places_) {
        place->stored = place->stored || place->touched;
        if (place->touched) {
            place->aliasAt.clear();
        }
    }
    crashPoint("fill-committed");
    return {};
}

Status Filler::closeStored(Place& place) {
    Conversation to = place.conversation;
    to.closed = true;
    to.closedSeq = place.lastSeq;
    to.rev = 1;
    to.changes = {kMark};
    const Result<bool> changed = store_.change(0, to);
    if (!changed.ok()) {
        return changed.status();
    }
    place.closes = false;
    if (changed.value()) {  // else somebody here said something newer
        place.conversation = std::move(to);
    }
    return {};
}

// Which of the batch's messages are not in the store shrinks from round to round.
Status Filler::insert() {
    std::vector<size_t> left(messages_.size());
    for (size_t i = 0; i < left.size(); ++i) {
        left[i] = i;
    }
    for (int round = 0; !left.empty(); ++round) {
        if (round == kRounds) {
            return {Code::Internal, "somebody keeps writing into these conversations"};
        }
        std::vector<Message> batch;
        for (const size_t i : left) {
            batch.push_back(messages_[i]);
        }
        const auto results = store_.insertMessages(batch);
        if (!results.ok()) {
            return results.status();
        }
        std::vector<size_t> again;
        for (size_t i = 0; i < left.size(); ++i) {
            if (results.value()[i] != InsertResult::Inserted) {
                again.push_back(left[i]);
            }
        }
        left = std::move(again);
        if (!left.empty()) {
            if (Status status = renumber(left); !status.ok()) {
                return status;
            }
        }
    }
    return {};
}

// A worker wrote into these conversations, or another import: what is there by now
// counts. Read marks end before it.
Status Filler::renumber(std::vector<size_t>& left) {
    std::vector<ConversationRef> refs;
    std::map<ConversationRef, Place*> places;
    for (const size_t i : left) {
        const ConversationRef ref{messages_[i].site, messages_[i].conversation};
        if (places.emplace(ref, owners_[i]).second) {
            refs.push_back(ref);
        }
    }
    Result<States> states = loadExact(store_, refs);
    if (!states.ok()) {
        return states.status();
    }
    for (auto& [ref, place] : places) {
        const auto state = states->find(ref);
        if (state == states->end()) {
            return {Code::Internal, "a conversation is gone"};
        }
        uint64_t first = UINT64_MAX;
        for (const size_t i : left) {
            first = owners_[i] == place ? std::min(first, messages_[i].seq) : first;
        }
        place->lastSeq = state->second.lastSeq;
        place->lastAt = state->second.lastAt;
        place->preview = state->second.preview;
        for (size_t i = 0; i < place->seats.size(); ++i) {
            const std::string& member = place->conversation.members[i];
            Seat& seat = place->seats[i];
            seat.sent = state->second.ordinals[member];
            seat.reads = false;
            if (seat.readSeq >= first) {
                seat.readSeq = first - 1;
                const auto sent = store_.ordinalAt(ref, member, seat.readSeq);
                if (!sent.ok()) {
                    return sent.status();
                }
                seat.readSent = sent.value();
            }
        }
    }
    std::vector<size_t> absent;
    for (const size_t i : left) {
        Message& message = messages_[i];
        Place& place = *owners_[i];
        const auto found = store_.messageByKey({message.site, message.conversation},
                                               message.sender, message.key);
        if (!found.ok()) {
            return found.status();
        }
        if (found.value()) {
            --filled_.messages;
            ++filled_.known;
            continue;
        }
        message.seq = ++place.lastSeq;
        message.ordinal = ++place.seats[place.seatOf(message.member)].sent;
        place.lastAt = message.createdAt;
        place.preview = {message.seq, message.sender,
                         preview(message.content, limits::kPreview), message.createdAt};
        absent.push_back(i);
    }
    left = std::move(absent);
    return {};
}

}  // namespace messaging::worker
