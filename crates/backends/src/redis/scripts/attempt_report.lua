-- Whether the lock was still unreported; asking is being told.
local w = load(KEYS[1])
if not w.unreported then return 0 end
w.unreported = false
save_as_long_as_before(KEYS[1], w)
return 1
