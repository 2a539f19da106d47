// Each person stands once in the order of when something of theirs is due.
#include "ngx_module/core/presence.hpp"

namespace messaging::core {

void Presence::move(const Person& person, Entry& entry, uint64_t due) {
    due_.erase({entry.due, person});
    entry.due = due;
    due_.emplace(due, person);
}

void Presence::come(const Person& person, uint64_t now) {
    const auto [at, isNew] = people_.try_emplace(person);
    Entry& entry = at->second;
    if (++entry.streams > 1) {
        return;
    }
    // Who is back within the grace was never away; what is due then is said sooner.
    move(person, entry, now);
}

void Presence::go(const Person& person, uint64_t now) {
    const auto at = people_.find(person);
    if (at != people_.end() && at->second.streams > 0 && --at->second.streams == 0) {
        move(person, at->second, now + kGrace);
    }
}

void Presence::forgotten(uint64_t now) {
    for (auto& [person, entry] : people_) {
        if (entry.streams > 0) {
            move(person, entry, now);
        }
    }
}

std::vector<Presence::News> Presence::take(uint64_t now, size_t most) {
    std::vector<News> news;
    while (news.size() < most && !due_.empty() && due_.begin()->first <= now) {
        const Person person = due_.begin()->second;
        const auto at = people_.find(person);
        const bool here = at->second.streams > 0;
        news.push_back({person, here});
        if (here) {
            move(person, at->second, now + limits::kPresenceMilliseconds);
        } else {
            due_.erase(due_.begin());
            people_.erase(at);
        }
    }
    return news;
}

}  // namespace messaging::core
