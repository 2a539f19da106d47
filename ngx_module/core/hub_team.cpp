// One stream over two logs: to its client one, to the logs two legs, each of which
// keeps the hub's rule by itself. Here is what joins them: they open together, a place
// tells of both, one waits while the other reads.
#include "ngx_module/core/hub.hpp"

namespace messaging::core {

Stream& Hub::callerOf(Stream& leg) {
    return leg.part == Stream::Part::Team ? *static_cast<TeamLeg&>(leg).own : leg;
}

Hub::TeamLeg& Hub::teamLegOf(Stream& own) {
    return teamLegs_.find(&own)->second;
}

Stream* Hub::otherOf(Stream& leg) {
    switch (leg.part) {
        case Stream::Part::Own:
            return &teamLegOf(leg);
        case Stream::Part::Team:
            return static_cast<TeamLeg&>(leg).own;
        default:
            return nullptr;
    }
}

// Where nobody resumes while the log is lost: a client that comes back meanwhile must
// not pass over what it was not told.
Cursor Hub::cursorOf(const Stream& leg) const {
    const Inbox& inbox = *leg.inbox;
    const bool gone = inbox.lost || inbox.again || inbox.foreign;
    return gone ? Cursor() : Cursor{leg.position, 0};
}

Place Hub::placeOf(Stream& leg) {
    Place place;
    Stream* other = otherOf(leg);
    if (other == nullptr) {
        place.own.id = leg.position;
        return place;
    }
    const Stream& team = leg.part == Stream::Part::Team ? leg : *other;
    place.own = cursorOf(callerOf(leg));
    place.team = cursorOf(team);
    place.tag = team.inbox->key.high;
    return place;
}

void Hub::deliver(Stream& leg, Batch batch) {
    batch.team = leg.part == Stream::Part::Team;
    outlet_.deliver(callerOf(leg), batch, placeOf(leg));
}

void Hub::hold(Stream& leg, const Opening& opening) {
    const bool isTeam = leg.part == Stream::Part::Team;
    auto& team = static_cast<TeamLeg&>(isTeam ? leg : *otherOf(leg));
    Half& half = isTeam ? team.beginning->team : team.beginning->own;
    const Batch& missed = opening.missed;
    half.there = true;
    half.resumed = opening.resumed;
    half.cursor = opening.place.own;
    half.missed.assign(missed.first, missed.first + missed.count);
    half.skip = missed.skip;
    half.reset = opening.reset;
    leg.state = Stream::State::Held;
    if (team.beginning->own.there && team.beginning->team.there) {
        openBoth(*team.own, team);
    }
}

// What the halves missed is passed over where only one of them resumes: the client
// fetches everything.
void Hub::openBoth(Stream& own, TeamLeg& team) {
    const std::unique_ptr<Beginning> both = std::move(team.beginning);
    Opening opening;
    opening.resumed = both->own.resumed && both->team.resumed;
    opening.place = placeOf(own);
    if (opening.resumed) {
        opening.place.own = both->own.cursor;
        opening.place.team = both->team.cursor;
        opening.missed = {both->own.missed.data(), both->own.missed.size(),
                          both->own.skip};
        opening.missedTeam = {both->team.missed.data(), both->team.missed.size(),
                              both->team.skip, true};
    } else {
        opening.reset = both->own.reset.empty() ? both->team.reset : both->own.reset;
    }
    own.state = Stream::State::Live;
    team.state = Stream::State::Live;
    outlet_.open(own, opening);
    catchUp(own);
    catchUp(team);
}

// One waits while the other reads its log.
void Hub::wakeOther(Stream& leg) {
    Stream* other = otherOf(leg);
    if (other != nullptr && leg.fetch == 0 && other->state == Stream::State::Paused &&
        !outlet_.busy(callerOf(leg))) {
        other->state = Stream::State::Live;
        catchUp(*other);
    }
}

}  // namespace messaging::core
