local session = touch(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
if not session then return nil end
return { session, take_quotas(KEYS, 3, ARGV, 3, tonumber(ARGV[2])) }
