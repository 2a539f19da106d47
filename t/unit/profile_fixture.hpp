// What tests of a profile's rules share: a site of venues, whose clients write to
// partners, and the entries of its commands.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "schema/profile.hpp"
#include "t/unit/handler_fixture.hpp"

namespace messaging::unit {

inline const std::vector<std::string> kPair = {"ann", "bob"};

struct Site {
    Site() {
        profile.name = "venues";
        profile.rules.confirmer = "partner";
        profile.rules.confirmation = "Thank you {name}, we answer soon.";
    }

    // The same entry under this profile; its caller has this role.
    Delivered of(Delivered entry, const std::string& role = "client",
                 const std::string& route = {}) const {
        entry.command.who.role = role;
        entry.command.profile = profileHash(encode(profile)) + route;
        entry.profile = std::make_shared<const Profile>(profile);
        return entry;
    }
    // Redis has lost it.
    Delivered lost(Delivered entry) const {
        entry = of(std::move(entry));
        entry.profile = nullptr;
        return entry;
    }
    // Opened by ann, who tells who bob is.
    Delivered start(const std::string& key = {}) const {
        StartArguments arguments{kPair, "hello"};
        arguments.hints = {{"bob", "partner", "Bob"}};
        return of(startOf("ann", arguments, key));
    }

    Profile profile;
    const std::string id = idOf(kPair);
};

// What they say when the first message was confirmed.
constexpr const char* kBoth = "1:hello 2:Thank you Name of ann, we answer soon.";

}  // namespace messaging::unit
