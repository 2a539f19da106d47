// An intact log only grows, and whatever Redis runs after a publication sees it. Every
// conclusion here that a log was lost is a contradiction of one of the two.
#include "ngx_module/core/hub.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace messaging::core {
namespace {

std::optional<uint64_t> parseHex(std::string_view digits) {
    uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, value, 16);
    if (error != std::errc() || at != end) {
        return std::nullopt;
    }
    return value;
}

}  // namespace

std::optional<InboxKey> parseInboxKey(std::string_view digits) {
    if (digits.size() != 32 ||
        digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
        return std::nullopt;
    }
    const auto high = parseHex(digits.substr(0, 16));
    const auto low = parseHex(digits.substr(16));
    if (!high || !low) {
        return std::nullopt;
    }
    return InboxKey{*high, *low};
}

std::string formatInboxKey(const InboxKey& key) {
    char digits[33];
    std::snprintf(digits, sizeof digits, "%016llx%016llx",
                  static_cast<unsigned long long>(key.high),
                  static_cast<unsigned long long>(key.low));
    return digits;
}

// --- Redis comes and goes

void Hub::redisUp(std::string_view run) {
    const bool foreign = run != run_;
    run_ = run;
    up_ = true;
    for (Inbox& inbox : inboxes_) {
        if (foreign) {
            inbox.lost = true;
            inbox.foreign = true;
            inbox.latest = {};
        }
        queue(inbox);
    }
}

void Hub::redisDown() {
    up_ = false;
    queue_.clear();
    fetches_.clear();
    for (auto next = inboxes_.begin(); next != inboxes_.end();) {
        Inbox& inbox = *next++;
        inbox.subscription = Inbox::Subscription::None;
        inbox.renewal = 0;
        inbox.queued = false;
        inbox.lost = inbox.lost || inbox.again;
        inbox.again = false;
        if (inbox.streams.empty()) {
            forget(inbox);
            continue;
        }
        for (Stream* stream : inbox.streams) {
            stream->fetch = 0;
            if (stream->state == Stream::State::Behind ||
                stream->state == Stream::State::Paused) {
                stream->state = Stream::State::Live;
            } else if (stream->state != Stream::State::Live) {
                refuse(*stream);
            }
        }
    }
}

// --- Streams come and go

void Hub::add(Stream& stream, const InboxKey& key, std::string_view lastEventId,
              uint64_t now) {
    stream.resume = !lastEventId.empty();
    if (stream.resume) {
        const std::optional<Cursor> cursor = parseCursor(lastEventId, run_);
        stream.foreign = !cursor;
        stream.wanted = cursor.value_or(Cursor());
    }
    follow(stream, key, now);
}

void Hub::add(Stream& stream, const InboxKey& own, const InboxKey& team,
              std::string_view lastEventId, uint64_t now) {
    TeamLeg& leg = teamLegs_[&stream];
    leg.own = &stream;
    leg.beginning = std::make_unique<Beginning>();
    leg.part = Stream::Part::Team;
    stream.part = Stream::Part::Own;
    stream.resume = leg.resume = !lastEventId.empty();
    if (stream.resume) {
        const std::optional<Place> place = parsePlace(lastEventId, run_, team.high);
        stream.foreign = leg.foreign = !place;
        stream.wanted = place.value_or(Place()).own;
        leg.wanted = place.value_or(Place()).team;
    }
    follow(stream, own, now);
    follow(leg, team, now);
}

void Hub::follow(Stream& stream, const InboxKey& key, uint64_t now) {
    Inbox* found = lookUp(key);
    Inbox& inbox = found != nullptr ? *found : make(key, now);
    inbox.streams.push_back(&stream);
    stream.inbox = &inbox;
    stream.state = Stream::State::Opening;
    switch (inbox.subscription) {
        case Inbox::Subscription::None:
            subscribe(inbox);
            break;
        case Inbox::Subscription::Asked:
            break;
        case Inbox::Subscription::Confirmed:
            renewNow(inbox);
            break;
    }
}

void Hub::remove(Stream& stream) {
    if (stream.inbox == nullptr) {
        return;
    }
    if (stream.part == Stream::Part::Own) {
        leave(teamLegOf(stream));
        teamLegs_.erase(&stream);
        stream.part = Stream::Part::Whole;
    }
    leave(stream);
}

void Hub::leave(Stream& stream) {
    Inbox& inbox = *stream.inbox;
    dropFetch(stream);
    stream.inbox = nullptr;
    inbox.streams.erase(std::find(inbox.streams.begin(), inbox.streams.end(), &stream));
    if (!inbox.streams.empty()) {
        return;
    }
    // One that was asked for is given back once it is there: a confirmation must always
    // be that of the newest subscription.
    if (inbox.subscription == Inbox::Subscription::Confirmed) {
        outlet_.unsubscribe(inbox.key);
    }
    if (inbox.subscription != Inbox::Subscription::Asked) {
        forget(inbox);
    }
}

const Inbox* Hub::find(const InboxKey& key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &*found->second;
}

Inbox* Hub::lookUp(const InboxKey& key) {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &*found->second;
}

Inbox& Hub::make(const InboxKey& key, uint64_t now) {
    Inbox inbox;
    inbox.key = key;
    inbox.renewAt = now + kRenewEvery;
    inboxes_.push_back(std::move(inbox));
    index_.emplace(key, std::prev(inboxes_.end()));
    return inboxes_.back();
}

void Hub::forget(Inbox& inbox) {
    const auto found = index_.find(inbox.key);
    const Inboxes::iterator at = found->second;
    index_.erase(found);
    inboxes_.erase(at);
}

// The whole stream, whichever leg cannot.
void Hub::refuse(Stream& leg) {
    if (leg.state == Stream::State::Refused) {
        return;
    }
    for (Stream* each : {&leg, otherOf(leg)}) {
        if (each != nullptr) {
            dropFetch(*each);
            each->state = Stream::State::Refused;
        }
    }
    outlet_.refuse(callerOf(leg));
}

// --- Subscriptions and announcements

void Hub::subscribe(Inbox& inbox) {
    inbox.subscription = Inbox::Subscription::Asked;
    outlet_.subscribe(inbox.key);
}

void Hub::subscribed(const InboxKey& key) {
    Inbox* inbox = lookUp(key);
    if (inbox == nullptr || inbox->subscription != Inbox::Subscription::Asked) {
        return;
    }
    inbox->subscription = Inbox::Subscription::Confirmed;
    if (inbox->streams.empty()) {
        outlet_.unsubscribe(key);
        forget(*inbox);
        return;
    }
    const bool opening = std::any_of(
        inbox->streams.begin(), inbox->streams.end(),
        [](const Stream* stream) { return stream->state == Stream::State::Opening; });
    if (opening) {
        renewNow(*inbox);
    } else {
        queue(*inbox);
    }
}

void Hub::announced(const InboxKey& key, const LogId& previous, const Entry& entry) {
    Inbox* inbox = lookUp(key);
    if (inbox == nullptr) {
        return;
    }
    if (entry.id == LogId()) {
        lose(*inbox);
        return;
    }
    inbox->latest = std::max(inbox->latest, entry.id);
    if (inbox->lost || inbox->again) {
        return;  // a reset is on its way to all
    }
    for (Stream* stream : inbox->streams) {
        if (stream->state != Stream::State::Live) {
            continue;
        }
        if (stream->position == previous) {
            stream->position = entry.id;
            deliver(*stream, {&entry, 1, 0});
        } else {
            catchUp(*stream);
        }
    }
}

void Hub::whispered(const InboxKey& key, const Entry& entry) {
    Inbox* inbox = lookUp(key);
    if (inbox == nullptr) {
        return;
    }
    for (Stream* stream : inbox->streams) {
        if (stream->state == Stream::State::Live) {
            outlet_.whisper(callerOf(*stream), entry);
        }
    }
}

void Hub::garbled(const InboxKey& key) {
    if (Inbox* inbox = lookUp(key)) {
        lose(*inbox);
    }
}

// --- Renewals

void Hub::queue(Inbox& inbox) {
    if (!inbox.queued) {
        inbox.queued = true;
        queue_.push_back(inbox.key);
    }
}

void Hub::tick(uint64_t now) {
    while (!inboxes_.empty() && inboxes_.front().renewAt <= now) {
        Inbox& inbox = inboxes_.front();
        inbox.renewAt = now + kRenewEvery;
        inboxes_.splice(inboxes_.end(), inboxes_, inboxes_.begin());
        if (inbox.subscription == Inbox::Subscription::Confirmed) {
            queue(inbox);
        }
    }
}

void Hub::work(size_t most) {
    for (; most > 0 && !queue_.empty(); --most) {
        Inbox* inbox = lookUp(queue_.front());
        queue_.pop_front();
        if (inbox == nullptr || !inbox->queued) {
            continue;
        }
        inbox->queued = false;
        if (inbox->subscription == Inbox::Subscription::None) {
            subscribe(*inbox);
        } else if (inbox->subscription == Inbox::Subscription::Confirmed &&
                   inbox->renewal == 0 && !renew(*inbox)) {
            queue(*inbox);
            return;
        }
    }
}

bool Hub::renew(Inbox& inbox) {
    const uint64_t ticket = ++lastTicket_;
    if (!up_ || !outlet_.renew(inbox.key, ticket)) {
        return false;
    }
    inbox.renewal = ticket;
    inbox.known = inbox.latest;
    return true;
}

void Hub::renewNow(Inbox& inbox) {
    if (inbox.renewal == 0 && !renew(inbox)) {
        queue(inbox);
    }
}

// Only a renewal that is sent from now on tells where a log begins that has all from
// now on.
void Hub::lose(Inbox& inbox) {
    (inbox.renewal == 0 ? inbox.lost : inbox.again) = true;
    inbox.latest = {};
    inbox.known = {};
    if (inbox.subscription == Inbox::Subscription::Confirmed) {
        renewNow(inbox);
    }
}

void Hub::renewed(const InboxKey& key, uint64_t renewal,
                  const std::optional<Renewal>& answer) {
    Inbox* inbox = lookUp(key);
    if (inbox == nullptr || inbox->renewal != renewal) {
        return;
    }
    inbox->renewal = 0;
    if (inbox->again) {
        inbox->again = false;
        inbox->lost = true;
        renewNow(*inbox);
        return;
    }
    if (!answer) {
        for (Stream* stream : inbox->streams) {
            if (stream->state == Stream::State::Opening) {
                refuse(*stream);
            }
        }
        inbox->renewAt = 0;  // the next tick tries again
        inboxes_.splice(inboxes_.begin(), inboxes_, index_.find(key)->second);
        return;
    }
    const bool lost = inbox->lost || answer->made || answer->last < inbox->known;
    if (lost && !inbox->lost) {
        inbox->latest = {};
    }
    inbox->lost = false;
    inbox->latest = std::max(inbox->latest, answer->last);
    for (Stream* stream : inbox->streams) {
        settle(*stream, answer->last, lost);
    }
    inbox->foreign = false;
}

// Its position is a good one again.
void Hub::reset(Stream& leg) {
    Place place = placeOf(leg);
    (leg.part == Stream::Part::Team ? place.team : place.own) = {leg.position, 0};
    outlet_.reset(callerOf(leg), place, leg.inbox->foreign ? kForeign : kGap);
}

void Hub::settle(Stream& stream, const LogId& last, bool lost) {
    switch (stream.state) {
        case Stream::State::Opening:
            begin(stream, last, lost);
            break;
        case Stream::State::Replaying:
            if (lost) {
                dropFetch(stream);
                stream.position = last;
                openAnew(stream, kGap);
            }
            break;
        case Stream::State::Live:
        case Stream::State::Behind:
        case Stream::State::Paused:
            if (lost) {
                dropFetch(stream);
                stream.state = Stream::State::Live;
                stream.position = last;
                reset(stream);
            }
            if (stream.state == Stream::State::Live) {
                catchUp(stream);
            }
            wakeOther(stream);
            break;
        case Stream::State::Held:
            if (lost) {
                stream.position = last;
                openAnew(stream, stream.resume ? kGap : std::string_view());
            }
            break;
        case Stream::State::Refused:
            break;
    }
}

}  // namespace messaging::core
