// Most of the time there are none, and then nothing is computed.
#include "ngx_module/core/revocation.hpp"

#include <algorithm>
#include <functional>

namespace messaging::core {

// One that does not say when it was issued may have been issued before.
bool concerns(const Revocation& revocation, uint64_t mark, uint64_t issued) {
    return issued <= revocation.at &&
           (revocation.session.empty() || mark == sessionMark(revocation.session));
}

uint64_t sessionMark(std::string_view session) {
    return session.empty() ? 0 : std::hash<std::string_view>()(session) | 1;
}

bool Revocations::add(const Revocation& revocation, uint64_t now) {
    if (revocation.until <= now) {
        return true;
    }
    if (entries_.size() >= most_) {
        for (auto next = entries_.begin(); next != entries_.end();) {
            next = next->second.until <= now ? entries_.erase(next) : std::next(next);
        }
    }
    std::string name =
        revocationName(revocation.site, revocation.user, revocation.session);
    if (entries_.size() >= most_ && entries_.find(name) == entries_.end()) {
        return false;
    }
    Times& times = entries_[std::move(name)];
    times.at = std::max(times.at, revocation.at);
    times.until = std::max(times.until, revocation.until);
    return true;
}

bool Revocations::refuses(const SignIn& who, uint64_t now) const {
    return !entries_.empty() &&
           (refuses({}, who, now) ||
            (!who.session.empty() && refuses(who.session, who, now)));
}

bool Revocations::refuses(std::string_view session, const SignIn& who,
                          uint64_t now) const {
    const auto found = entries_.find(revocationName(who.site, who.user, session));
    return found != entries_.end() && now < found->second.until &&
           who.issued <= found->second.at;
}

}  // namespace messaging::core
