-- The session if it is live, with its last activity moved; activity never goes back.
local function touch(key, index, id, now_text)
  local session = redis.call('GET', key)
  if not session then return nil end
  local now, last = tonumber(now_text), last_activity(session)
  if now >= ends_at(session) then
    redis.call('DEL', key)
    redis.call('ZREM', index, id)
    return nil
  end
  if now > last then
    local moved = moment(now_text)
    redis.call('SETRANGE', key, 0, moved)
    session = moved .. string.sub(session, 19)
    if math.floor(now / TTL_STEP) > math.floor(last / TTL_STEP) then
      local ttl = lifetime(now, ends_at(session))
      redis.call('PEXPIRE', key, whole(ttl))
      enter_in_index(index, id, created(session), ttl)
    end
  end
  return session
end
