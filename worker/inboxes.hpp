// The inboxes of one person as one: their own and, where they have a team, the team's.
// In a conversation of both they take part as themselves, so the team's place in it is
// theirs. Reads only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/store.hpp"

namespace messaging::worker {

ListPlace placeOf(const Membership& membership);

// What both lists have, newest first; at the same place the person's own first.
struct Places {
    std::vector<Membership> rows;   // at most as many as were asked for
    std::optional<ListPlace> own;   // the newest of each list, whether or not it is in
    std::optional<ListPlace> team;  // `rows`; none: the list is empty
};

// `team`'s bounds are asked of the team's list, where there is a team.
Result<Places> listBoth(Store& store, const Identity& who, const ListRange& own,
                        const ListRange& team);

// Whether a row is the team's place in a conversation in which the person takes part as
// themselves: their own list has it, or nobody's of them should.
bool isPassedOver(const Membership& row, const Conversation& conversation,
                  const Identity& who);

// The answer to a count of one inbox, in JSON. A person's own names the conversations
// that their team has unread and that are theirs: those are not the team's to count.
Result<std::string> countUnread(Store& store, const Identity& who, bool team);

}  // namespace messaging::worker
