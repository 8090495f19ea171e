-- The oldest CHUNK of a person's sessions but the one to keep: so few that Redis is soon there for others. Fewer than
-- CHUNK ids in the answer mean that none is left.
local index, prefix, keep = KEYS[1], ARGV[1], ARGV[2]
local ended, keys = {}, {}
for _, id in ipairs(redis.call('ZRANGE', index, 0, CHUNK)) do
  if id ~= keep and #ended < CHUNK then
    ended[#ended + 1] = id
    keys[#keys + 1] = prefix .. id
  end
end
if #ended > 0 then
  redis.call('UNLINK', unpack(keys))
  redis.call('ZREM', index, unpack(ended))
end
return table.concat(ended, '\n')
