// Which tokens are refused before their time, as one process knows it: the list that
// workers keep in Redis, read whole whenever Redis comes up and followed from then on.
// Pure; a look-up takes the same time however many there are.
//
// What was known is never forgotten before its time, whatever Redis lost. Whether it is
// all is another question, asked of known().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "schema/revocation.hpp"

namespace messaging::core {

// Of one sign-in, what a revocation looks at.
struct SignIn {
    std::string_view site;
    std::string_view user;
    std::string_view session;  // empty: not said
    uint64_t issued = 0;       // Unix seconds; 0: not said
};

// What stands for a session where thousands are kept; 0: none.
uint64_t sessionMark(std::string_view session);

// Whether a revocation of this user is about a sign-in of theirs.
bool concerns(const Revocation& revocation, uint64_t sessionMark, uint64_t issued);

class Revocations {
public:
    explicit Revocations(size_t most) : most_(most) {}

    // False where there is no room, though what is over was forgotten.
    bool add(const Revocation& revocation, uint64_t now);
    bool refuses(const SignIn& who, uint64_t now) const;

    // Whether all that there is was read, since Redis came up last.
    bool known() const { return known_; }
    void setKnown(bool known) { known_ = known; }
    size_t size() const { return entries_.size(); }

private:
    struct Times {
        uint64_t at = 0;
        uint64_t until = 0;
    };

    bool refuses(std::string_view session, const SignIn& who, uint64_t now) const;

    size_t most_;
    bool known_ = false;
    std::unordered_map<std::string, Times> entries_;  // by revocationName()
};

}  // namespace messaging::core
