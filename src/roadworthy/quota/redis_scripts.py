"""Pure: what a Redis-protocol server does in one step. Amounts are strings: its numbers lose digits at 2^53.

Every key has the same hash tag, so the scripts also run on a cluster, on one of its nodes.
"""

from __future__ import annotations

PREFIX = "{roadworthy-quota}:"

_EXACT = """
local S = ARGV[1] .. 'scratch'
local function add(a, b)
  redis.call('HSET', S, 'v', a)
  redis.call('HINCRBY', S, 'v', b)
  return redis.call('HGET', S, 'v')
end
local function neg(v)
  if v == '0' then return v end
  if string.sub(v, 1, 1) == '-' then return string.sub(v, 2) end
  return '-' .. v
end
local function less(a, b) return string.sub(add(a, neg(b)), 1, 1) == '-' end
local function least(a, b) if less(a, b) then return a end return b end
local function take(holder, lease, amount)
  local key = ARGV[1] .. 'leases:' .. holder
  local held = redis.call('HGET', key, lease) or '0'
  local taken = least(held, amount)
  if taken ~= '0' then
    redis.call('HINCRBY', key, lease, neg(taken))
  end
  return taken
end
local function moved(counter, spent, leased)
  local key = ARGV[1] .. 'counter:' .. counter
  redis.call('HINCRBY', key, 'spent', spent)
  redis.call('HINCRBY', key, 'leased', leased)
end
"""

EXCHANGE = (
    _EXACT
    + """
local batch = cjson.decode(ARGV[2])
local now = tonumber(ARGV[3])
local me = ARGV[1] .. 'holder:' .. batch.holder
if redis.call('HGET', me, 'state') ~= 'live' then return 'fenced' end
if redis.call('HGET', me, 'batch') == batch.number then return redis.call('HGET', me, 'answer') end
for _, back in ipairs(batch.backs) do
  local taken = take(batch.holder, back.lease, back.amount)
  if taken ~= '0' then moved(back.counter, '0', neg(taken)) end
end
local grants = {}
for place, ask in ipairs(batch.asks) do
  local key = ARGV[1] .. 'counter:' .. ask.counter
  local spent = redis.call('HGET', key, 'spent') or '0'
  local leased = redis.call('HGET', key, 'leased') or '0'
  local left = add(add(ask.limit, neg(spent)), neg(leased))
  if string.sub(left, 1, 1) == '-' then left = '0' end
  local granted = least(ask.want, left)
  local short = granted ~= ask.want
  if not short and ask.extra ~= '0' then
    local part = string.format('%.0f', math.floor(tonumber(add(left, neg(granted))) / 8))
    granted = add(granted, least(ask.extra, part))
    if less(left, granted) then granted = ask.want end
  end
  if granted ~= '0' then
    redis.call('HINCRBY', key, 'leased', granted)
    redis.call('HSET', key, 'amount', ask.limit, 'ends', ask.ends)
    redis.call('HINCRBY', ARGV[1] .. 'leases:' .. batch.holder, ask.lease, granted)
    if ask.forget ~= '0' then redis.call('EXPIREAT', key, ask.forget) end
  end
  if short then redis.call('HSET', key, 'scarce', string.format('%.0f', now + 2)) end
  local scarce = short or tonumber(redis.call('HGET', key, 'scarce') or '0') > now
  grants[place] = {granted, add(left, neg(granted)), add(leased, granted), scarce}
end
local answer = cjson.encode({grants = grants, gateways = redis.call('SCARD', ARGV[1] .. 'live')})
redis.call('HSET', me, 'seen', string.format('%.0f', now))
if batch.changes then redis.call('HSET', me, 'batch', batch.number, 'answer', answer) end
return answer
"""
)

FENCE = """
local me = ARGV[1] .. 'holder:' .. ARGV[2]
if redis.call('HGET', me, 'state') ~= 'live' then return 0 end
if tonumber(redis.call('HGET', me, 'seen')) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', me, 'state', ARGV[4])
redis.call('SREM', ARGV[1] .. 'live', ARGV[2])
return 1
"""

FORGET = (
    _EXACT
    + """
local holder = ARGV[2]
local key = ARGV[1] .. 'leases:' .. holder
local freed = '0'
local flat = redis.call('HGETALL', key)
for place = 1, #flat, 2 do
  local counter = string.match(flat[place], '^(.*)|[^|]*$')
  if flat[place + 1] ~= '0' and redis.call('EXISTS', ARGV[1] .. 'counter:' .. counter) == 1 then
    moved(counter, '0', neg(flat[place + 1]))
    freed = add(freed, flat[place + 1])
  end
end
redis.call('DEL', key, ARGV[1] .. 'holder:' .. holder)
redis.call('SREM', ARGV[1] .. 'holders', holder)
redis.call('SREM', ARGV[1] .. 'live', holder)
return freed
"""
)

SETTLE = (
    _EXACT
    + """
if not redis.call('SET', ARGV[1] .. 'told:' .. ARGV[2], '1', 'NX', 'EX', '2592000') then return 0 end
for _, one in ipairs(cjson.decode(ARGV[3])) do
  local taken = take(one.holder, one.lease, one.taken)
  moved(one.counter, one.spent, neg(taken))
end
return 1
"""
)
