local index, prefix, current = KEYS[1], ARGV[1], tonumber(ARGV[2])
local ended = {}
for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local session = redis.call('GET', prefix .. id)
  if not session then
    redis.call('ZREM', index, id)
  elseif epoch(session) < current then
    remove(prefix, index, id)
    ended[#ended + 1] = id
  end
end
return table.concat(ended, '\n')
