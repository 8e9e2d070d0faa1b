-- Hands out the first event of each lane that is due. KEYS[1]: the prefix. ARGV: holder, limit, lease_ms.
-- Answers with id, lane, body, attempt of each, flat.
local prefix, holder, limit, lease_ms = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local taken = {}
for _, lane in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'due', '-inf', now_ms, 'LIMIT', 0, limit)) do
  local id = redis.call('ZRANGE', prefix .. 'lane:' .. lane, 0, 0)[1]
  if id then
    local event = prefix .. 'event:' .. id
    redis.call('ZADD', prefix .. 'due', now_ms + lease_ms, lane)
    redis.call('HSET', prefix .. 'holder', lane, holder)
    local attempt = redis.call('HINCRBY', event, 'attempts', 1)
    for _, value in ipairs({id, lane, redis.call('HGET', event, 'body'), tostring(attempt)}) do
      taken[#taken + 1] = value
    end
  else
    redis.call('ZREM', prefix .. 'due', lane)
    redis.call('HDEL', prefix .. 'holder', lane)
  end
end
return taken
