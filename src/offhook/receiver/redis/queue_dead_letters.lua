-- Dead letters after a place. KEYS[1]: the prefix. ARGV: after, limit.
-- Answers with place, id, lane, body, attempts, error, died_ms of each.
local prefix = KEYS[1]
local letters = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'dead', '(' .. ARGV[1], '+inf', 'LIMIT', 0, ARGV[2])) do
  local event = redis.call('HMGET', prefix .. 'event:' .. id, 'place', 'lane', 'body', 'attempts', 'error', 'died_ms')
  table.insert(event, 2, id)
  letters[#letters + 1] = event
end
return letters
