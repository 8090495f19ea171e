local key, now, limits = KEYS[1], tonumber(ARGV[1]), limits_of(ARGV, 2)
local id, keeps, clears = ARGV[5], ARGV[6] == '1', ARGV[7] == '1'
local w = load(key)
refresh(w, limits, now)
w.pending = without(w.pending, id)
w.kept = clears and {} or without(w.kept, id)
local newly_locked = keeps and keep(w, id, limits, now)
save(key, w, limits, now)
return numbers(w, newly_locked)
