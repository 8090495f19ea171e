-- The generic cell rate algorithm; a key holds the moment from which its budget is whole again.
-- Takes one from each of KEYS[first..], or from none, at `instant`. ARGV[numbers..]: of each its step and capacity in
-- microseconds, and the milliseconds after which it says nothing any more: text that is passed on as it is, because
-- writing numbers costs more here than all the arithmetic.
-- Answers one text, which costs both sides less than a list: 1 or 0, what each key held before (-1: nothing), from which
-- the caller works out the numbers, a space after each, and what comes `behind`.
local took, held, after = true, '', {}
for place = first, #KEYS do
  local at = numbers + 3 * (place - first)
  local stored, capacity = redis.call('GET', KEYS[place]), tonumber(ARGV[at + 1])
  held = held .. (stored or '-1') .. ' '
  local whole_at = stored and tonumber(stored) or instant
  -- Further ahead than two windows: the clock was set back since.
  if whole_at < instant or whole_at > instant + 2 * capacity then whole_at = instant end
  after[place] = whole_at + tonumber(ARGV[at])
  if after[place] - capacity > instant then took = false end
end
if not took then return '0 ' .. held .. behind end
for place = first, #KEYS do
  local expiry = ARGV[numbers + 3 * (place - first) + 2]
  redis.call('SET', KEYS[place], string.format('%d', after[place]), 'PX', expiry)
end
return '1 ' .. held .. behind
