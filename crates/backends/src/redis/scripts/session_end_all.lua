-- In batches: a call costs more than a key.
local BATCH = 500
local index, prefix, keep = KEYS[1], ARGV[1], ARGV[2]
local ended, batch = {}, {}
for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  if id ~= keep then
    ended[#ended + 1] = id
    batch[#batch + 1] = prefix .. id
    if #batch == BATCH then
      redis.call('DEL', unpack(batch))
      batch = {}
    end
  end
end
if #batch > 0 then redis.call('DEL', unpack(batch)) end
local kept, ttl = redis.call('ZSCORE', index, keep), redis.call('PTTL', index)
redis.call('DEL', index)
if kept then
  redis.call('ZADD', index, kept, keep)
  redis.call('PEXPIRE', index, whole(math.max(ttl, SLACK)))
end
return table.concat(ended, '\n')
