-- Moves the mark if it is still what the caller saw ('': none). A mark that expires makes the follower look back
-- over the longest life of a session, so its expiry loses nothing.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', 86400000)
return 1
