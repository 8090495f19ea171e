local fields = touch(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
if not fields then return nil end
return { fields, take_quotas(KEYS, 3, ARGV, 3, tonumber(ARGV[2])) }
