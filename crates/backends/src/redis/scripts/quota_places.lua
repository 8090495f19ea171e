local first, numbers, instant, behind = 1, 2, tonumber(ARGV[1]), ''
