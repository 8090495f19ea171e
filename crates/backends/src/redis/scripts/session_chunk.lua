-- How many sessions one script ends: a millisecond or two.
local CHUNK = 1000
