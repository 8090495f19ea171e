local index, prefix, keep = KEYS[1], ARGV[1], ARGV[2]
local ended = {}
for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  if id ~= keep and redis.call('DEL', prefix .. id) == 1 then ended[#ended + 1] = id end
end
local kept, ttl = redis.call('ZSCORE', index, keep), redis.call('PTTL', index)
redis.call('DEL', index)
if kept then
  redis.call('ZADD', index, kept, keep)
  redis.call('PEXPIRE', index, whole(math.max(ttl, SLACK)))
end
return table.concat(ended, '\n')
