if redis.call('GET', KEYS[1]) ~= 'handled' then
  redis.call('DEL', KEYS[1])
end
