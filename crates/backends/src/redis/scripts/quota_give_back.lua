for place, key in ipairs(KEYS) do
  local stored = redis.call('GET', key)
  if stored then
    redis.call('SET', key, string.format('%d', tonumber(stored) - tonumber(ARGV[place])), 'KEEPTTL')
  end
end
return 1
