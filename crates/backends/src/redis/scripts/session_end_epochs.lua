local index, prefix, epoch = KEYS[1], ARGV[1], tonumber(ARGV[2])
local ended = {}
for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local its = redis.call('HGET', prefix .. id, 'e')
  if not its then
    redis.call('ZREM', index, id)
  elseif tonumber(its) < epoch then
    remove(prefix, index, id)
    ended[#ended + 1] = id
  end
end
return table.concat(ended, '\n')
