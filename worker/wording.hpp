// Answers as the profile of a command words them. Pure.
#pragma once

#include <string>
#include <vector>

#include "schema/profile.hpp"
#include "schema/wire.hpp"

namespace messaging::worker {

// A success in the profile's words, where there is one; what cannot be worded, or is
// then longer than anybody believes, is Internal.
Reply worded(const Command& command, const Profile* profile, Reply reply);

// Whether a start is answered with its message alone.
bool answersMessage(const Command& command, const Profile* profile);

// Whether conversations are shown with their newest message in full.
bool showsMessages(const Profile* profile);

// A conversation's view with messages.
std::string withMessages(std::string conversation,
                         const std::vector<std::string>& messages);

}  // namespace messaging::worker
