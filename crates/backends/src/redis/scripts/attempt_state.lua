local key, now, limits = KEYS[1], tonumber(ARGV[1]), limits_of(ARGV, 2)
local w = load(key)
if refresh(w, limits, now) then save(key, w, limits, now) end
return numbers(w, false)
