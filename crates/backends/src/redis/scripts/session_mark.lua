local session = redis.call('GET', KEYS[1])
if not session or tonumber(ARGV[1]) >= ends_at(session) then return 0 end
redis.call('SETRANGE', KEYS[1], AUTHENTICATED_OFFSET, moment(ARGV[1]))
return 1
