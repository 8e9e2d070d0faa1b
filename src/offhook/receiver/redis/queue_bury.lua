-- Retries or drops dead letters. KEYS[1]: the prefix. ARGV: 'retry' or 'drop', ttl_ms, ids. Answers how many there were.
local prefix, what, ttl_ms = KEYS[1], ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local count = 0
for at = 3, #ARGV do
  local id = ARGV[at]
  local event = prefix .. 'event:' .. id
  if redis.call('ZREM', prefix .. 'dead', id) == 1 then
    count = count + 1
    if what == 'retry' then
      local found = redis.call('HMGET', event, 'lane', 'place')
      redis.call('HSET', event, 'state', 'waiting', 'attempts', 0)
      redis.call('ZADD', prefix .. 'lane:' .. found[1], found[2], id)
      redis.call('ZADD', prefix .. 'due', 'NX', now_ms, found[1])
      redis.call('INCR', prefix .. 'waiting')
    else
      redis.call('HDEL', event, 'body', 'error')
      redis.call('HSET', event, 'state', 'handled')
      redis.call('PEXPIRE', event, ttl_ms)
    end
  end
end
return count
