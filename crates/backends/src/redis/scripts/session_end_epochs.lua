-- Looks at about CHUNK of a person's sessions, from the cursor that the last look answered ('0' at first and at the
-- end). ZSCAN promises to come to every member that is there all the while, whatever else is added or removed.
local index, prefix, current, cursor = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
local page, ended = redis.call('ZSCAN', index, cursor, 'COUNT', CHUNK), {}
for place = 1, #page[2], 2 do
  local id = page[2][place]
  local session = redis.call('GET', prefix .. id)
  if not session then
    redis.call('ZREM', index, id)
  elseif epoch(session) < current then
    remove(prefix, index, id)
    ended[#ended + 1] = id
  end
end
return { page[1], table.concat(ended, '\n') }
