return take_quotas(KEYS, 1, ARGV, 2, tonumber(ARGV[1]))
