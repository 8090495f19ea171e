-- The generic cell rate algorithm; a key holds the moment from which its budget is whole again.
-- Takes one from each of KEYS[first..], or from none. args[base..]: step and capacity of each, in microseconds.
-- Answers 1 or 0 and what the keys held before (-1: nothing), from which the caller works out the numbers.
local QUOTA_SLACK = 1000

local function take_quotas(keys, first, args, base, now)
  local answer, after, allowed = { 1 }, {}, true
  for place = first, #keys do
    local at = base + 2 * (place - first)
    local step, capacity = tonumber(args[at]), tonumber(args[at + 1])
    local stored = redis.call('GET', keys[place])
    answer[#answer + 1] = stored or '-1'
    local whole_at = math.min(math.max(tonumber(stored or now), now), now + capacity)
    local next_whole = whole_at + step
    allowed = allowed and next_whole - capacity <= now
    after[place] = next_whole
  end
  if not allowed then
    answer[1] = 0
    return answer
  end
  for place = first, #keys do
    local ttl = math.ceil((after[place] - now) / 1000) + QUOTA_SLACK
    redis.call('SET', keys[place], string.format('%.0f', after[place]), 'PX', string.format('%.0f', ttl))
  end
  return answer
end
