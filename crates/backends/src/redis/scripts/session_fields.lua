-- A session is a hash; moments are microseconds since the epoch, exact as Lua numbers up to 2^53.
--   x expires  i idle time (0: none)  l last activity  c created  a authenticated  e epoch  r the rest
-- The caller's clock decides what is over. A key's own expiry is only an upper bound: it comes SLACK later,
-- and is moved on when activity enters the next step of TTL_STEP, which is shorter than the slack.
local SLACK = 120000
local TTL_STEP = 30000000

local function whole(number)
  return string.format('%.0f', number)
end

local function read(key)
  local fields = redis.call('HMGET', key, 'x', 'i', 'l', 'c', 'a', 'e', 'r')
  if fields[1] then return fields end
  return nil
end

local function ends_at(fields)
  local expires, idle = tonumber(fields[1]), tonumber(fields[2])
  if idle == 0 then return expires end
  return math.min(expires, tonumber(fields[3]) + idle)
end

local function lifetime(from, to)
  return math.max(math.ceil((to - from) / 1000), 0) + SLACK
end

-- The index outlives every session that it names.
local function enter_in_index(index, id, created, ttl)
  redis.call('ZADD', index, created, id)
  if redis.call('PTTL', index) < ttl then redis.call('PEXPIRE', index, whole(ttl)) end
end

local function remove(prefix, index, id)
  redis.call('ZREM', index, id)
  return redis.call('DEL', prefix .. id)
end
