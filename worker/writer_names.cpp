// Names and roles on their way into the store: with a batch, or by themselves.
#include <map>

#include "schema/keys.hpp"
#include "schema/text.hpp"
#include "worker/writer_batch.hpp"

namespace messaging::worker {

// Those to be stored. Whose role changes, their streams must not go on under the old
// one. The store alone knows the old one for all workers: what this one remembers
// another may have changed.
Result<std::vector<User>> Batch::named() {
    std::map<std::string, std::vector<std::string>> ids;
    for (const User& user : users_) {
        ids[user.site].push_back(user.id);
    }
    std::map<ConversationRef, std::string> before;
    for (const auto& [site, some] : ids) {
        const Result<std::vector<User>> known = store_.users(site, some);
        if (!known.ok()) {
            return known.status();
        }
        for (const User& user : known.value()) {
            before[{site, user.id}] = user.role;
        }
    }
    std::vector<User> named;
    for (const User& user : users_) {
        const std::string& role = before[{user.site, user.id}];
        if (!role.empty() && role != user.role) {
            outbox_.add(user.site, user.id, kRevoked,
                        revokedEvent(inboxId(user.site, teamId(role))));
        }
        if (!Directory::isSilent(user)) {
            named.push_back(user);
        }
    }
    return named;
}

Status Batch::putUsers() {
    if (users_.empty()) {
        return {};
    }
    const Result<std::vector<User>> some = named();
    if (!some.ok()) {
        return some.status();
    }
    return some->empty() ? Status() : store_.putUsers(some.value());
}

Status Batch::runNames(Effects& effects) {
    users_ = directory_.take(kMostUsers);
    if (users_.empty()) {
        return {};
    }
    const Result<std::vector<User>> some = named();
    Status status = some.status();
    if (some.ok() && !some->empty()) {
        const Result<bool> begun = store_.tryBegin(note_);
        if (begun.ok() && !begun.value()) {
            directory_.failed(std::move(users_));
            return {};
        }
        status = begun.status();
        if (status.ok()) {
            status = store_.putUsers(some.value());
        }
        if (status.ok()) {
            status = store_.commit();
        }
        if (!status.ok()) {
            // Whether it was undone does not matter: it is said again, and changes
            // nothing.
            const Status undone = store_.abandon();
            status = {Code::StoreUnavailable, status.detail() + undone.detail()};
        }
    }
    if (!status.ok()) {
        directory_.failed(std::move(users_));
        return status;
    }
    directory_.stored(users_);
    for (Publication& publication : outbox_.take()) {
        effects.publications.push_back(std::move(publication));
    }
    return {};
}

}  // namespace messaging::worker
