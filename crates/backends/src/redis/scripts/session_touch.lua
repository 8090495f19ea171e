-- Leaves `session` as it was before, or answers nothing when it is not live; moves its last activity to ARGV[1], in
-- eighteen digits, unless that is earlier: activity never goes back.
-- Written out, without a function: a script's functions are made anew each time it runs, which cost a third of it.
local call, sub = redis.call, string.sub
local session = call('GET', KEYS[1])
if not session then return nil end
local now = tonumber(ARGV[1])
-- As texts first: reading a number of eighteen digits costs more than all of this. Nothing is to be done where activity
-- was noted in this second, the end is later, and a second is little of the idle time: a thousandth at most.
if sub(session, 1, 12) ~= sub(ARGV[1], 1, 12) or sub(session, 19, 36) <= ARGV[1] or sub(session, 37, 45) == '000000000' then
  local last, ends, idle = tonumber(sub(session, 1, 18)), tonumber(sub(session, 19, 36)), tonumber(sub(session, 37, 54))
  if idle > 0 and last + idle < ends then ends = last + idle end
  if now >= ends then
    call('DEL', KEYS[1])
    call('ZREM', KEYS[2], ARGV[2])
    return nil
  end
  -- Noted once a second: a page and all it asks for are one activity. Each time where a second is much of the idle time.
  if now - last >= ACTIVITY_STEP or now > last and idle > 0 and idle < 1000 * ACTIVITY_STEP then
    -- Text: a number would be written with seventeen digits first.
    call('SETRANGE', KEYS[1], '0', ARGV[1])
    if last < now - now % TTL_STEP then
      ends = tonumber(sub(session, 19, 36))
      if idle > 0 and now + idle < ends then ends = now + idle end
      local ttl = math.ceil((ends - now) / 1000) + SLACK
      call('PEXPIRE', KEYS[1], string.format('%d', ttl))
      call('ZADD', KEYS[2], sub(session, 55, 72), ARGV[2])
      if call('PTTL', KEYS[2]) < ttl then call('PEXPIRE', KEYS[2], string.format('%d', ttl)) end
    end
  end
end
