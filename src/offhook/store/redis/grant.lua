-- Grants requests of API keys: of each key at most its limit within any window of Redis's clock.
--
-- KEYS: for each API key, the list of the moments (µs) at which it was granted a request, oldest first.
-- ARGV: the window (µs), then for each API key its limit and how many requests ask.
-- Answers for each API key: how many of them are granted, how many more would be, and after how
-- many µs one of those refused would be.
local clock = redis.call('TIME')
local clock_us = clock[1] * 1000000 + clock[2]
local window_us = tonumber(ARGV[1])
local answer = {}

for place, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[2 * place])
  local asking = tonumber(ARGV[2 * place + 1])

  -- A clock that was set back stands still for this key until it has caught up; one that was set
  -- back by more than a window begins anew, lest the key be refused for that long.
  local now_us = clock_us
  local newest_us = tonumber(redis.call('LINDEX', key, -1) or 0)
  if newest_us > clock_us + window_us then
    redis.call('DEL', key)
  elseif newest_us > clock_us then
    now_us = newest_us
  end

  local oldest_us = redis.call('LINDEX', key, 0)
  while oldest_us and oldest_us + window_us <= now_us do
    redis.call('LPOP', key)
    oldest_us = redis.call('LINDEX', key, 0)
  end

  local used = redis.call('LLEN', key)
  local granted = math.max(0, math.min(asking, limit - used))
  local moment = string.format('%.0f', now_us)
  for _ = 1, granted do
    redis.call('RPUSH', key, moment)
  end
  if granted > 0 then
    redis.call('PEXPIRE', key, 2 * window_us / 1000)
  end

  used = used + granted
  local wait_us = 0
  if granted < asking then
    wait_us = redis.call('LINDEX', key, used - limit) + window_us - now_us
  end
  table.insert(answer, granted)
  table.insert(answer, math.max(0, limit - used))
  table.insert(answer, wait_us)
end

return answer
