-- Keeps arrivals and settles attempts. KEYS[1]: the prefix of all names.
-- ARGV: holder, ttl_ms, count of arrivals, (id, lane, body) of each, (id, lane, attempt, verdict, delay_ms, error) of each settlement.
local prefix, holder, ttl_ms, arrivals = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

local function put(id, lane, body)
  local event = prefix .. 'event:' .. id
  local state = redis.call('HGET', event, 'state')
  if state == 'dead' then return 'dead_letter' end
  if state then return 'repeat' end
  local place = redis.call('INCR', prefix .. 'place')
  redis.call('HSET', event, 'state', 'waiting', 'lane', lane, 'body', body, 'place', place, 'attempts', 0, 'error', '')
  redis.call('ZADD', prefix .. 'lane:' .. lane, place, id)
  redis.call('ZADD', prefix .. 'due', 'NX', now_ms, lane)
  redis.call('INCR', prefix .. 'waiting')
  return 'new'
end

local function finish(event, id, lane)
  if redis.call('ZREM', prefix .. 'lane:' .. lane, id) == 1 then redis.call('DECR', prefix .. 'waiting') end
end

local function settle(id, lane, attempt, verdict, delay_ms, error)
  local event = prefix .. 'event:' .. id
  local found = redis.call('HMGET', event, 'state', 'attempts')
  local state = found[1]
  if not state then return end
  local is_ours = found[2] == attempt and redis.call('HGET', prefix .. 'holder', lane) == holder
  if verdict == 'handled' and state ~= 'handled' then
    finish(event, id, lane)
    redis.call('ZREM', prefix .. 'dead', id)
    redis.call('HDEL', event, 'body', 'error')
    redis.call('HSET', event, 'state', 'handled')
    redis.call('PEXPIRE', event, ttl_ms)
  elseif is_ours and state == 'waiting' and verdict == 'released' then
    redis.call('HINCRBY', event, 'attempts', -1)
  elseif is_ours and state == 'waiting' and verdict ~= 'handled' then
    redis.call('HSET', event, 'error', error)
    if verdict == 'dead' then
      finish(event, id, lane)
      redis.call('HSET', event, 'state', 'dead', 'died_ms', now_ms)
      redis.call('ZADD', prefix .. 'dead', redis.call('HGET', event, 'place'), id)
    end
  end
  if not is_ours then return end
  redis.call('HDEL', prefix .. 'holder', lane)
  if redis.call('EXISTS', prefix .. 'lane:' .. lane) == 1 then
    redis.call('ZADD', prefix .. 'due', now_ms + tonumber(delay_ms), lane)
  else
    redis.call('ZREM', prefix .. 'due', lane)
  end
end

local receipts, at = {}, 4
for number = 1, arrivals do
  receipts[number] = put(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  at = at + 3
end
while at <= #ARGV do
  settle(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
  at = at + 6
end
return receipts
