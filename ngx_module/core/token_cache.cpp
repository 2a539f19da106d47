// Tokens that were verified lately, least recently used last.
#include "ngx_module/core/token_parts.hpp"
#include "schema/hash.hpp"

namespace messaging::core {
namespace {

// Leeway is not a part of it: times are checked at each use.
std::string cacheName(const TokenKey& key, std::string_view token) {
    const auto address = reinterpret_cast<uintptr_t>(key.keys.get());
    return digest({std::to_string(address),
                   std::to_string(static_cast<int>(key.algorithm)), key.issuer,
                   key.audience, key.claims.user, key.claims.role, key.claims.name,
                   key.claims.session, token});
}

}  // namespace

Result<Claims> TokenCache::verify(const TokenKey& key, std::string_view token,
                                  uint64_t now) {
    if (token.size() > mostBytes(key.algorithm)) {
        return refuseToken("longer than any honest one");
    }
    std::string name = cacheName(key, token);
    const auto known = index_.find(name);
    if (known != index_.end()) {
        const auto entry = known->second;
        Status status = checkTimes(key, {entry->claims, entry->notBefore}, now);
        if (!status.ok()) {
            index_.erase(known);
            entries_.erase(entry);
            return status;
        }
        entries_.splice(entries_.begin(), entries_, entry);
        return entry->claims;
    }
    Result<Verified> verified = verifyAll(key, token, now);
    if (!verified.ok()) {
        return verified.status();
    }
    if (capacity_ == 0) {
        return std::move(verified->claims);
    }
    if (entries_.size() >= capacity_) {
        index_.erase(entries_.back().name);
        entries_.pop_back();
    }
    entries_.push_front(
        {std::move(name), key.keys, verified->claims, verified->notBefore});
    index_.emplace(entries_.front().name, entries_.begin());
    return std::move(verified->claims);
}

}  // namespace messaging::core
