local key, now, limits = KEYS[1], tonumber(ARGV[1]), limits_of(ARGV, 2)
local id, lapses_at, take = ARGV[5], tonumber(ARGV[6]), ARGV[7] == '1'
local w = load(key)
local changed = refresh(w, limits, now)
local code, until_when = room(w, limits)
if take and code == FREE then
  w.pending[#w.pending + 1] = { at = lapses_at, id = id }
  changed = true
end
if changed then save(key, w, limits, now) end
return { code, until_when, numbers(w, w.unreported) }
