// The bytes of revocations.
#include "schema/revocation.hpp"

#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

// What stands before the separator; `rest` is what follows it.
std::string_view cut(std::string_view* rest, char separator) {
    const size_t at = rest->find(separator);
    const std::string_view first = rest->substr(0, at);
    rest->remove_prefix(at == rest->npos ? rest->size() : at + 1);
    return first;
}

}  // namespace

const char* const kRevocationsComplete = "complete";

Status validate(const Revocation& revocation) {
    if (!validName(revocation.site, limits::kMaxName) || revocation.site.empty()) {
        return {Code::InvalidField, "not a site's name", "site"};
    }
    if (!validUser(revocation.user)) {
        return {Code::InvalidField, "not a user's id", "user"};
    }
    if (!revocation.session.empty() && !validId(revocation.session)) {
        return {Code::InvalidField, "not a session's id", "session"};
    }
    if (revocation.at == 0 || revocation.until <= revocation.at ||
        revocation.until > limits::kMaxInteger) {
        return {Code::InvalidField, "not a time", "until"};
    }
    return {};
}

std::string revocationName(std::string_view site, std::string_view user,
                           std::string_view session) {
    std::string name;
    name.reserve(site.size() + user.size() + session.size() + 2);
    return name.append(site).append(1, '\n').append(user).append(1, '\n').append(
        session);
}

std::string revocationTimes(const Revocation& revocation) {
    return std::to_string(revocation.at) + ' ' + std::to_string(revocation.until);
}

Result<Revocation> decodeRevocation(std::string_view name, std::string_view times) {
    Revocation revocation;
    const auto at = parseUnsigned(cut(&times, ' '));
    const auto until = parseUnsigned(times);
    if (!at || !until) {
        return {Code::InvalidField, "its times cannot be read", "times"};
    }
    revocation.at = *at;
    revocation.until = *until;
    revocation.site = cut(&name, '\n');
    revocation.user = cut(&name, '\n');
    revocation.session = name;
    const Status status = validate(revocation);
    return status.ok() ? Result<Revocation>(std::move(revocation)) : status;
}

Result<RevocationNews> decodeRevocationNews(std::string_view bytes) {
    RevocationNews news;
    std::string_view head = cut(&bytes, '\n');
    if (cut(&head, ' ') != "1") {
        return {Code::UnsupportedVersion, "news of another version"};
    }
    if (head.empty() && bytes.empty()) {
        return news;
    }
    auto revocation = decodeRevocation(bytes, head);
    if (!revocation.ok()) {
        return revocation.status();
    }
    news.revocation = std::move(revocation.value());
    return news;
}

const char* const kRevokeScript = R"(
local list, now = KEYS[1], tonumber(ARGV[2])
local all = redis.call('HGETALL', list)
for i = 1, #all, 2 do
    local till = tonumber(string.match(all[i + 1], '^%d+ (%d+)$') or 0)
    if all[i] ~= 'complete' and till <= now then
        redis.call('HDEL', list, all[i])
    end
end
for i = 4, #ARGV, 3 do
    local at, till = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    local a, t = string.match(redis.call('HGET', list, ARGV[i]) or '', '^(%d+) (%d+)$')
    local times = string.format('%.0f %.0f', math.max(at, tonumber(a or 0)), math.max(till, tonumber(t or 0)))
    redis.call('HSET', list, ARGV[i], times)
    if ARGV[3] == 'add' then
        redis.call('PUBLISH', ARGV[1], '1 ' .. times .. '\n' .. ARGV[i])
    end
end
if ARGV[3] == 'complete' then
    redis.call('HSET', list, 'complete', '1')
    redis.call('PUBLISH', ARGV[1], '1')
end
redis.call('EXPIRE', list, 86400)
return 1
)";

}  // namespace messaging
