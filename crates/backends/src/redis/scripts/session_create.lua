local key, index = KEYS[1], KEYS[2]
local prefix, id, max, record = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[10]
local expires, idle, last, created, authenticated, epoch =
  ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
if redis.call('EXISTS', key) == 1 then return redis.error_reply('ERR a session id was used twice') end
local now, displaced, room = tonumber(created), {}, math.max(max - 1, 0)
if redis.call('ZCARD', index) > room then
  local live = {}
  for _, other in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local fields = read(prefix .. other)
    if fields and now < ends_at(fields) then
      live[#live + 1] = other
    else
      remove(prefix, index, other)
    end
  end
  for place = 1, #live - room do
    remove(prefix, index, live[place])
    displaced[place] = live[place]
  end
end
redis.call('HSET', key, 'x', expires, 'i', idle, 'l', last, 'c', created, 'a', authenticated, 'e', epoch,
  'r', record)
redis.call('PEXPIRE', key, whole(lifetime(now, ends_at({ expires, idle, last }))))
enter_in_index(index, id, created, lifetime(now, tonumber(expires)))
return table.concat(displaced, '\n')
