local key, index, prefix, id, max, session = KEYS[1], KEYS[2], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local now, displaced, room = tonumber(created(session)), {}, math.max(max - 1, 0)
if redis.call('EXISTS', key) == 1 then return redis.error_reply('ERR a session id was used twice') end
if redis.call('ZCARD', index) > room then
  local live = {}
  for _, other_id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local other = redis.call('GET', prefix .. other_id)
    if other and now < ends_at(other) then
      live[#live + 1] = other_id
    else
      remove(prefix, index, other_id)
    end
  end
  for place = 1, #live - room do
    remove(prefix, index, live[place])
    displaced[place] = live[place]
  end
end
redis.call('SET', key, session, 'PX', whole(lifetime(now, ends_at(session))))
local longest = lifetime(now, tonumber(string.sub(session, 19, 36)))
enter_in_index(index, id, created(session), longest)
return table.concat(displaced, '\n')
