-- The fields if it is live, with its last activity moved; activity never goes back.
local function touch(key, index, id, now_text)
  local fields = read(key)
  if not fields then return nil end
  local now, last = tonumber(now_text), tonumber(fields[3])
  if now >= ends_at(fields) then
    redis.call('DEL', key)
    redis.call('ZREM', index, id)
    return nil
  end
  if now > last then
    redis.call('HSET', key, 'l', now_text)
    fields[3] = now_text
    if math.floor(now / TTL_STEP) > math.floor(last / TTL_STEP) then
      local ttl = lifetime(now, ends_at(fields))
      redis.call('PEXPIRE', key, whole(ttl))
      enter_in_index(index, id, fields[4], ttl)
    end
  end
  return fields
end
