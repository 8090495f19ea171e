-- The generic cell rate algorithm; a key holds the moment from which its budget is whole again.
-- Takes one from each of KEYS[first..], or from none. args[base..]: of each its step and capacity in microseconds,
-- and the milliseconds after which it says nothing any more: text that is passed on as it is, because writing
-- numbers costs more here than all the arithmetic.
-- Answers 1 or 0 and what the keys held before (-1: nothing), from which the caller works out the numbers.
local function take_quotas(keys, first, args, base, now)
  local answer, after, allowed = { 1 }, {}, true
  local at = base
  for place = first, #keys do
    local step, capacity = tonumber(args[at]), tonumber(args[at + 1])
    local stored = redis.call('GET', keys[place])
    answer[#answer + 1] = stored or '-1'
    local whole_at = tonumber(stored or now)
    -- Further ahead than two windows: the clock was set back since.
    if whole_at < now or whole_at > now + 2 * capacity then whole_at = now end
    local next_whole = whole_at + step
    if next_whole - capacity > now then allowed = false end
    after[place] = next_whole
    at = at + 3
  end
  if not allowed then
    answer[1] = 0
    return answer
  end
  at = base + 2
  for place = first, #keys do
    redis.call('SET', keys[place], string.format('%d', after[place]), 'PX', args[at])
    at = at + 3
  end
  return answer
end
