-- Keys go in batches: a call costs more than a key, and unpack() takes some eight thousand.
local BATCH = 4000
local index, prefix, keep = KEYS[1], ARGV[1], ARGV[2]
local kept, ttl = redis.call('ZSCORE', index, keep), redis.call('PTTL', index)
if kept then redis.call('ZREM', index, keep) end
local ended, keys = redis.call('ZRANGE', index, 0, -1), {}
for place = 1, #ended do
  keys[place] = prefix .. ended[place]
end
for first = 1, #keys, BATCH do
  redis.call('UNLINK', unpack(keys, first, math.min(first + BATCH - 1, #keys)))
end
redis.call('UNLINK', index)
if kept then
  redis.call('ZADD', index, kept, keep)
  redis.call('PEXPIRE', index, whole(math.max(ttl, SLACK)))
end
return table.concat(ended, '\n')
