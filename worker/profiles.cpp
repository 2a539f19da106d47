// A profile that is missing is asked for again by the next command that names it: the
// module stores it and repeats.
#include "worker/profiles.hpp"

#include <map>
#include <utility>

namespace messaging::worker {
namespace {

// Longer ones have another hash once they are cut.
constexpr const char* kLastByte = "65535";

std::shared_ptr<const Profile> believe(const std::string& hash, std::string_view text) {
    if (profileHash(text) != hash) {
        return nullptr;
    }
    Result<Profile> profile = parseProfile(text);
    return profile.ok() ? std::make_shared<const Profile>(std::move(profile.value()))
                        : nullptr;
}

}  // namespace

Status Profiles::fill(Redis& redis, const Keys& keys, Delivered* entries,
                      size_t count) {
    std::map<std::string, std::vector<Delivered*>> missing;
    for (Delivered* entry = entries; entry != entries + count; ++entry) {
        const auto ref = entry->command.profile.empty()
                             ? std::optional<ProfileRef>()
                             : parseProfileRef(entry->command.profile);
        if (!ref) {
            continue;
        }
        if (const Shared* known = known_.find(ref->hash); known != nullptr) {
            entry->profile = *known;
        } else {
            missing[ref->hash].push_back(entry);
        }
    }
    if (missing.empty()) {
        return {};
    }
    for (const auto& [hash, waiting] : missing) {
        redis.append({"GETRANGE", keys.profile(hash), "0", kLastByte});
    }
    const auto answers = redis.flush();
    if (!answers.ok()) {
        return answers.status();
    }
    size_t n = 0;
    for (const auto& [hash, waiting] : missing) {
        const Shared profile = believe(hash, answers.value()[n++].text());
        if (profile == nullptr) {
            continue;
        }
        known_.put(hash, profile);
        for (Delivered* entry : waiting) {
            entry->profile = profile;
        }
    }
    return {};
}

}  // namespace messaging::worker
