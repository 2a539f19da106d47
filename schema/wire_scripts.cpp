// What wire.hpp has Redis itself do, as Lua: a step of several commands that no other
// client may come between. Each touches the keys of one slot.
#include "schema/wire.hpp"

namespace messaging {

// An absent log has no last entry; neither has one that lost all of them, which is as
// good as absent. XADD's "~" lets Redis trim whole nodes, which costs it nothing.
const char* const kPublishScript = R"(
redis.call('DEL', KEYS[2])
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last then
    redis.call('PUBLISH', ARGV[1], '1 0-0 0-0\n' .. ARGV[2])
    return '0-0'
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'e', ARGV[2])
redis.call('PUBLISH', ARGV[1], '1 ' .. last[1] .. ' ' .. id .. '\n' .. ARGV[2])
return id
)";

// Needs no memory, whose lack is a likely reason to be here.
const char* const kLoseScript = R"(
redis.call('DEL', KEYS[1], KEYS[2])
return redis.call('PUBLISH', ARGV[1], '1 0-0 0-0\n')
)";

// The first entry, without events, marks where the log begins.
const char* const kRenewScript = R"(
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local made = 0
local id
if last then
    id = last[1]
else
    id = redis.call('XADD', KEYS[1], '*', 'e', '')
    made = 1
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {id, made}
)";

const char* const kEnqueueScript = R"(
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then
    return false
end
return redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
)";

const char* const kBadgeScript = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
)";

// A hash: of each nginx process when it last said so, and of all of them under "last".
const char* const kPresenceScript = R"(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local was, is = 0, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
    local at = tonumber(all[i + 1]) or 0
    if all[i] ~= 'last' and at <= now and now - at < tonumber(ARGV[3]) then
        was = 1
        if all[i] ~= ARGV[1] then
            is = 1
        end
    elseif all[i] ~= 'last' then
        redis.call('HDEL', KEYS[1], all[i])
    end
end
local text = string.format('%.0f', now)
if ARGV[2] == '1' then
    is = 1
    redis.call('HSET', KEYS[1], ARGV[1], text, 'last', text)
else
    redis.call('HDEL', KEYS[1], ARGV[1])
    redis.call('HSET', KEYS[1], 'last', text)
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {was, is, now}
)";

// A bucket is the time at which it will be full (microseconds by Redis's clock, exact
// in a double until 2255), gone when it is. It is at most two bursts away: so far goes
// the debt of who was let through unasked, and no clock that was set back locks anybody
// out for longer.
const char* const kRateScript = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local debts, fits = {}, 1
for i, key in ipairs(KEYS) do
    local full = tonumber(redis.call('GET', key) or 0) or 0
    local burst = tonumber(ARGV[2 * i + 1])
    debts[i] = math.min(math.max(full - now, 0), 2 * burst)
    if debts[i] + ARGV[2 * i] > burst then
        fits = 0
    end
end
local step = ARGV[1] == 'back' and -1 or (fits == 1 or ARGV[1] == 'take') and 1 or 0
for i, key in ipairs(KEYS) do
    debts[i] = math.max(debts[i] + step * ARGV[2 * i], 0)
    if step ~= 0 then
        local milliseconds = math.ceil(debts[i] / 1000)
        if milliseconds > 0 then
            redis.call('SET', key, string.format('%.0f', now + debts[i]), 'PX', milliseconds)
        else
            redis.call('DEL', key)
        end
    end
end
return {fits, unpack(debts)}
)";

}  // namespace messaging
