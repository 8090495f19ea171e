local index, prefix, now = KEYS[1], ARGV[1], tonumber(ARGV[2])
local live = {}
for _, id in ipairs(redis.call('ZREVRANGE', index, 0, -1)) do
  local session = redis.call('GET', prefix .. id)
  if session and now < ends_at(session) then
    live[#live + 1] = { id, session }
  else
    remove(prefix, index, id)
  end
end
return live
