local index, prefix, now = KEYS[1], ARGV[1], tonumber(ARGV[2])
local live = {}
for _, id in ipairs(redis.call('ZREVRANGE', index, 0, -1)) do
  local fields = read(prefix .. id)
  if fields and now < ends_at(fields) then
    fields[8] = id
    live[#live + 1] = fields
  else
    remove(prefix, index, id)
  end
end
return live
