// From where a stream begins, and the log read up to where its announcements go on:
// a page at a time, each when its client has taken the one before.
#include "ngx_module/core/hub.hpp"

#include <algorithm>

namespace messaging::core {
namespace {

bool rising(const std::vector<Entry>& entries) {
    for (size_t i = 1; i < entries.size(); ++i) {
        if (!(entries[i - 1].id < entries[i].id)) {
            return false;
        }
    }
    return true;
}

// How many of the entries from `first` on make a page.
size_t pageOf(const std::vector<Entry>& entries, size_t first) {
    size_t bytes = 0;
    size_t count = 0;
    while (first + count < entries.size() && bytes < Hub::kPageBytes) {
        for (const Event& event : entries[first + count].events) {
            bytes += event.data.size();
        }
        ++count;
    }
    return count;
}

}  // namespace

// --- How a stream begins

void Hub::begin(Stream& stream, const LogId& last, bool lost) {
    stream.position = last;
    if (!stream.resume) {
        openAnew(stream, {});
    } else if (stream.foreign) {
        openAnew(stream, kForeign);
    } else if (lost || last < stream.wanted.id) {
        openAnew(stream, kGap);
    } else if (stream.wanted.id == last && stream.wanted.events == 0) {
        Opening opening;
        opening.place.own = stream.wanted;
        opening.resumed = true;
        open(stream, opening);
    } else {
        fetch(stream, stream.wanted.id, Stream::State::Replaying);
    }
}

void Hub::openAnew(Stream& stream, std::string_view reason) {
    Opening opening;
    opening.place.own = {stream.position, 0};
    opening.reset = reason;
    open(stream, opening);
}

void Hub::open(Stream& stream, const Opening& opening) {
    if (stream.part != Stream::Part::Whole) {
        hold(stream, opening);
        return;
    }
    stream.state = Stream::State::Live;
    outlet_.open(stream, opening);
    catchUp(stream);
}

// --- Reading the log

void Hub::fetch(Stream& stream, const LogId& from, Stream::State state) {
    const uint64_t ticket = ++lastTicket_;
    if (up_ && outlet_.fetch(stream.inbox->key, from, ticket)) {
        stream.fetch = ticket;
        stream.state = state;
        fetches_.emplace(ticket, &stream);
    } else if (state == Stream::State::Replaying) {
        refuse(stream);
    } else {
        queue(*stream.inbox);  // the renewal compares again
    }
}

void Hub::dropFetch(Stream& stream) {
    if (stream.fetch != 0) {
        fetches_.erase(stream.fetch);
        stream.fetch = 0;
    }
}

void Hub::catchUp(Stream& stream) {
    if (!(stream.position < stream.inbox->latest)) {
        return;
    }
    const Stream* other = otherOf(stream);
    const bool waits = other != nullptr && other->fetch != 0;
    if (waits || outlet_.busy(callerOf(stream))) {
        stream.state = Stream::State::Paused;
    } else {
        fetch(stream, stream.position, Stream::State::Behind);
    }
}

void Hub::taken(Stream& stream) {
    if (stream.inbox == nullptr) {
        return;
    }
    for (Stream* leg : {&stream, otherOf(stream)}) {
        if (leg != nullptr && leg->state == Stream::State::Paused) {
            leg->state = Stream::State::Live;
            catchUp(*leg);
        }
    }
}

void Hub::fetched(uint64_t ticket, const std::vector<Entry>* entries) {
    const auto found = fetches_.find(ticket);
    if (found == fetches_.end()) {
        return;
    }
    Stream& stream = *found->second;
    fetches_.erase(found);
    stream.fetch = 0;
    const std::vector<Entry> none;
    const std::vector<Entry>& known =
        entries != nullptr && rising(*entries) ? *entries : none;
    if (stream.state == Stream::State::Replaying) {
        replayed(stream, known);
    } else {
        caughtUp(stream, known);
    }
    wakeOther(stream);
}

void Hub::replayed(Stream& stream, const std::vector<Entry>& entries) {
    const Cursor& wanted = stream.wanted;
    const bool there = !entries.empty() && entries[0].id == wanted.id &&
                       (wanted.events == 0 || wanted.events < entries[0].events.size());
    if (!there) {
        openAnew(stream, kGap);
        return;
    }
    const size_t first = wanted.events == 0 ? 1 : 0;
    const size_t count = pageOf(entries, first);
    stream.position = entries[first + count - 1].id;
    stream.inbox->latest = std::max(stream.inbox->latest, entries.back().id);
    Opening opening;
    opening.place.own = wanted;
    opening.resumed = true;
    opening.missed = {entries.data() + first, count, wanted.events};
    open(stream, opening);
}

// Something newer than the position was heard of, so an intact log has both.
void Hub::caughtUp(Stream& stream, const std::vector<Entry>& entries) {
    Inbox& inbox = *stream.inbox;
    stream.state = Stream::State::Live;
    if (inbox.lost || inbox.again) {
        return;  // a reset is on its way
    }
    if (entries.size() < 2 || !(entries[0].id == stream.position)) {
        lose(inbox);
        return;
    }
    const size_t count = pageOf(entries, 1);
    stream.position = entries[count].id;
    inbox.latest = std::max(inbox.latest, entries.back().id);
    deliver(stream, {entries.data() + 1, count, 0});
    catchUp(stream);
}

}  // namespace messaging::core
