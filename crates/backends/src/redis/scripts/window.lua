-- One budget's window (hardening::lockout::window), kept as one string so that its content and its expiry are
-- one write. Tokens: b<end of the lock>  n (that lock was not reported yet)  k<time>:<id> kept, oldest first
-- p<lapse>:<id> pending. Times are microseconds since the epoch, exact up to 2^53.
local WINDOW_SLACK = 60000
local FREE, BUSY, FULL, BLOCKED = 0, 1, 2, 3

local function whole(number)
  return string.format('%d', number)
end

local function limits_of(args, base)
  local lockout = tonumber(args[base + 2])
  if lockout < 0 then lockout = nil end
  return { limit = tonumber(args[base]), window = tonumber(args[base + 1]), lockout = lockout }
end

local function load(key)
  local w = { kept = {}, pending = {}, unreported = false }
  for kind, rest in string.gmatch(redis.call('GET', key) or '', '(%S)(%S*)') do
    if kind == 'b' then
      w.blocked = tonumber(rest)
    elseif kind == 'n' then
      w.unreported = true
    else
      local at, id = string.match(rest, '^(%d+):(.*)$')
      local entries = kind == 'k' and w.kept or w.pending
      entries[#entries + 1] = { at = tonumber(at), id = id }
    end
  end
  return w
end

local function is_empty(w)
  return #w.kept == 0 and #w.pending == 0 and not w.blocked
end

local function written(w)
  local tokens = {}
  if w.blocked then tokens[1] = 'b' .. whole(w.blocked) end
  if w.unreported then tokens[#tokens + 1] = 'n' end
  for _, entry in ipairs(w.kept) do tokens[#tokens + 1] = 'k' .. whole(entry.at) .. ':' .. entry.id end
  for _, entry in ipairs(w.pending) do tokens[#tokens + 1] = 'p' .. whole(entry.at) .. ':' .. entry.id end
  return table.concat(tokens, ' ')
end

-- From when on it says no more than an untouched window.
local function idle_at(w, limits)
  local latest = w.blocked or 0
  local after_lapse = math.max(limits.window, limits.lockout or 0)
  for _, entry in ipairs(w.kept) do latest = math.max(latest, entry.at + limits.window) end
  for _, entry in ipairs(w.pending) do latest = math.max(latest, entry.at + after_lapse) end
  return latest
end

local function save(key, w, limits, now)
  if is_empty(w) then
    redis.call('DEL', key)
    return
  end
  local ttl = math.max(math.ceil((idle_at(w, limits) - now) / 1000), 0) + WINDOW_SLACK
  redis.call('SET', key, written(w), 'PX', whole(ttl))
end

-- For a change that cannot make it last longer.
local function save_as_long_as_before(key, w)
  if is_empty(w) then
    redis.call('DEL', key)
  else
    redis.call('SET', key, written(w), 'KEEPTTL')
  end
end

local function expire(w, limits, now)
  if w.blocked and w.blocked <= now then
    w.blocked = nil
    w.unreported = false
  end
  local left = {}
  for _, entry in ipairs(w.kept) do
    if entry.at + limits.window > now then left[#left + 1] = entry end
  end
  w.kept = left
end

-- Adds an entry; true when that started a lock.
local function keep(w, id, limits, at)
  expire(w, limits, at)
  if w.blocked and at + limits.window <= w.blocked then return false end
  local place = #w.kept + 1
  while place > 1 and w.kept[place - 1].at > at do place = place - 1 end
  table.insert(w.kept, place, { at = at, id = id })
  if w.blocked or not limits.lockout or #w.kept < limits.limit then return false end
  w.kept = {}
  w.blocked = at + limits.lockout
  return true
end

-- Brings it to now; lapses count in the order of their times. True when there were any.
local function refresh(w, limits, now)
  table.sort(w.pending, function(a, b) return a.at < b.at end)
  local lapsed = 0
  while w.pending[lapsed + 1] and w.pending[lapsed + 1].at <= now do
    lapsed = lapsed + 1
    local entry = w.pending[lapsed]
    if keep(w, entry.id, limits, entry.at) then w.unreported = true end
  end
  local open = {}
  for place = lapsed + 1, #w.pending do open[#open + 1] = w.pending[place] end
  w.pending = open
  expire(w, limits, now)
  return lapsed > 0
end

local function room(w, limits)
  if w.blocked then return BLOCKED, w.blocked end
  if #w.kept >= limits.limit and w.kept[1] then return FULL, w.kept[1].at + limits.window end
  if #w.kept + #w.pending >= limits.limit then return BUSY, 0 end
  return FREE, 0
end

-- Reservation's id taken out of entries.
local function without(entries, id)
  local left = {}
  for _, entry in ipairs(entries) do
    if entry.id ~= id then left[#left + 1] = entry end
  end
  return left
end

-- Numbers for the caller: kept, pending, time of the newest kept, end of the lock (-1: none), a flag.
local function numbers(w, flag)
  local newest = w.kept[#w.kept]
  return { #w.kept, #w.pending, newest and newest.at or -1, w.blocked or -1, flag and 1 or 0 }
end
