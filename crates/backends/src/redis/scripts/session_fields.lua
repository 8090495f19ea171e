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
