-- A session is a string: six numbers in decimal at fixed places, and then what only the caller reads.
--   1 last activity  19 expires  37 idle time (0: none)  55 created  73 authenticated  91 epoch (20 wide)
-- One string is one small allocation, and a number in it is changed in place without touching its expiry.
-- Moments are microseconds since the epoch, exact as Lua numbers up to 2^53.
-- The caller's clock decides what is over. A key's own expiry is only an upper bound: it comes SLACK later,
-- and is moved on when activity enters the next step of TTL_STEP, which is shorter than the slack.
local SLACK = 120000
local TTL_STEP = 30000000
-- How many sessions one script ends: a millisecond or two.
local CHUNK = 1000
local AUTHENTICATED_OFFSET = 72

local function moment(text)
  return string.format('%018d', text)
end

local function whole(number)
  return string.format('%d', number)
end

local function last_activity(session) return tonumber(string.sub(session, 1, 18)) end
local function created(session) return string.sub(session, 55, 72) end
local function epoch(session) return tonumber(string.sub(session, 91, 110)) end

local function ends_at(session)
  local expires, idle = tonumber(string.sub(session, 19, 36)), tonumber(string.sub(session, 37, 54))
  if idle == 0 then return expires end
  return math.min(expires, last_activity(session) + idle)
end

local function lifetime(from, to)
  return math.max(math.ceil((to - from) / 1000), 0) + SLACK
end

-- The index outlives every session that it names.
local function enter_in_index(index, id, created_at, ttl)
  redis.call('ZADD', index, created_at, id)
  if redis.call('PTTL', index) < ttl then redis.call('PEXPIRE', index, whole(ttl)) end
end

local function remove(prefix, index, id)
  redis.call('ZREM', index, id)
  return redis.call('DEL', prefix .. id)
end
