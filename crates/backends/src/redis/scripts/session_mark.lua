local fields = read(KEYS[1])
if not fields or tonumber(ARGV[1]) >= ends_at(fields) then return 0 end
redis.call('HSET', KEYS[1], 'a', ARGV[1])
return 1
