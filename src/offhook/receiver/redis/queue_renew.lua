-- Holds lanes for longer, those that are still the holder's. KEYS[1]: the prefix. ARGV: holder, lease_ms, lanes.
local prefix, holder, lease_ms = KEYS[1], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
for at = 3, #ARGV do
  if redis.call('HGET', prefix .. 'holder', ARGV[at]) == holder then
    redis.call('ZADD', prefix .. 'due', 'XX', now_ms + lease_ms, ARGV[at])
  end
end
