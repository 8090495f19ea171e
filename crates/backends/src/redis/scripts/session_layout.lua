-- A session is a string: six numbers in decimal at fixed places, and then what only the caller reads.
--   1 last activity  19 expires  37 idle time (0: none)  55 created  73 authenticated  91 epoch (20 wide)
-- One string is one small allocation, and a number in it is changed in place without touching its expiry.
-- Moments are microseconds since the epoch, exact as Lua numbers up to 2^53.
-- The caller's clock decides what is over. A key's own expiry is only an upper bound: it comes SLACK later,
-- and is moved on when activity enters the next step of TTL_STEP, which is shorter than the slack.
local SLACK = 120000
local TTL_STEP = 30000000
local ACTIVITY_STEP = 1000000
local AUTHENTICATED_OFFSET = 72
