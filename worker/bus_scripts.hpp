// Lua that only the worker runs, and the numbers by which a Session knows what it
// loaded; those of both programs are in schema/wire. Each script touches one key.
#pragma once

namespace messaging::worker {

enum LeaseScript { kBeat, kRenew, kRelease, kTake };
enum PublishScript { kPublish, kLose };

// KEYS workers; ARGV owner, milliseconds until forgotten, milliseconds counted as
// alive. Returns who is alive.
constexpr const char* kBeatScript = R"(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + 1, '+inf')
redis.call('ZADD', KEYS[1], now, ARGV[1])
return redis.call('ZRANGEBYSCORE', KEYS[1], now - ARGV[3], '+inf')
)";

// KEYS lease; ARGV owner, milliseconds. 1 if the lease was this owner's, 2 if it had
// ended and nobody has it, so that it is this owner's again; 0 if it is another's.
constexpr const char* kRenewLeaseScript = R"(
local owner = redis.call('GET', KEYS[1])
if owner == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return 1
end
if owner then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 2
)";

// KEYS lease; ARGV owner.
constexpr const char* kReleaseLeaseScript = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
)";

// KEYS lease; ARGV expected owner ("": none), new owner, milliseconds. 1 if it was
// taken.
constexpr const char* kTakeLeaseScript = R"(
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
)";

}  // namespace messaging::worker
