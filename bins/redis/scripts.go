package redis

import "github.com/redis/go-redis/v9"

// All scripts have the state as first key, and the owner and how long keys live
// (seconds) as first arguments. They answer LOST if the buckets are another's or
// older than they should be, and may be sent twice.

// reset: at. Answers the state that was there.
var resetScript = redis.NewScript(`
local old = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'format', ARGV[4], 'owner', ARGV[1], 'at', ARGV[3], 'changes', 1,
	'first', 1, 'last', 1, 'start1', ARGV[3], 'batches1', 0)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return old`)

// cut: changes seen. Answers where it stands, the open generation and the changes.
var cutScript = redis.NewScript(`
local s = redis.call('HMGET', KEYS[1], 'owner', 'changes', 'at', 'last')
if s[1] ~= ARGV[1] or tonumber(s[2]) < tonumber(ARGV[3]) then return {'LOST'} end
local last = s[4]
local open = redis.call('HMGET', KEYS[1], 'start' .. last, 'batches' .. last)
if open[1] ~= s[3] or open[2] ~= '0' then
	last = redis.call('HINCRBY', KEYS[1], 'last', 1)
	redis.call('HSET', KEYS[1], 'start' .. last, s[3], 'batches' .. last, 0)
	redis.call('HINCRBY', KEYS[1], 'changes', 1)
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {'OK', s[3], tostring(last), redis.call('HGET', KEYS[1], 'changes')}`)

// forget: the first generation to stay.
var forgetScript = redis.NewScript(`
local s = redis.call('HMGET', KEYS[1], 'owner', 'first', 'last')
local first, stay = tonumber(s[2] or 0), tonumber(ARGV[3])
if s[1] ~= ARGV[1] or stay > tonumber(s[3]) then return {'LOST'} end
for n = first, stay - 1 do redis.call('HDEL', KEYS[1], 'start' .. n, 'batches' .. n) end
if stay > first then redis.call('HSET', KEYS[1], 'first', stay) end
return {'OK'}`)

// apply: changes seen, from, to, a name of the batch, the generation, the length
// of a long tail; keys: state, index, hashes; for each hash its name in the
// index and the number of its values, and for each value itself, its visitors and
// the number of its counts, and for each count its letter and how much to add.
// Answers the changes and then, for values with a long tail, the numbers of hash
// and value. The index is counted up before and the hash behind the values:
// a script that fails in between leaves two that don't agree.
var applyScript = redis.NewScript(`
local s = redis.call('HMGET', KEYS[1], 'owner', 'changes', 'at', 'batch', 'last')
if s[1] ~= ARGV[1] or tonumber(s[2]) < tonumber(ARGV[3]) then return {'LOST'} end
if s[4] == ARGV[6] or s[3] ~= ARGV[4] and s[3] == ARGV[5] then return {'OK', s[2]} end
if s[3] ~= ARGV[4] then return {'LOST'} end
if s[5] ~= ARGV[7] then return {'CUT', s[5]} end
local long, p = {}, 9
for k = 3, #KEYS do
	local key, values = KEYS[k], tonumber(ARGV[p + 1])
	redis.call('HINCRBY', KEYS[2], ARGV[p], 1)
	p = p + 2
	for v = 1, values do
		local value, visitors, counts = ARGV[p], ARGV[p + 1], tonumber(ARGV[p + 2])
		p = p + 3
		for c = 1, counts do
			redis.call('HINCRBY', key, ARGV[p] .. value, ARGV[p + 1])
			p = p + 2
		end
		if visitors ~= '' then
			local tail = (redis.call('HGET', key, 'T' .. value) or '') .. visitors
			redis.call('HSET', key, 'T' .. value, tail)
			if #tail > tonumber(ARGV[8]) and #long < 1000 then
				long[#long + 1] = tostring(k - 3)
				long[#long + 1] = tostring(v - 1)
			end
		end
	end
	redis.call('HINCRBY', key, '', 1)
	redis.call('EXPIRE', key, ARGV[2])
end
if #KEYS > 2 then
	redis.call('HINCRBY', KEYS[2], '', 1)
	redis.call('EXPIRE', KEYS[2], ARGV[2])
	redis.call('HINCRBY', KEYS[1], 'batches' .. ARGV[7], 1)
end
redis.call('HSET', KEYS[1], 'at', ARGV[5], 'batch', ARGV[6])
local changes = redis.call('HINCRBY', KEYS[1], 'changes', 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {'OK', tostring(changes), unpack(long)}`)

// fold: changes expected; keys: state, a hash; for each value its name and the
// sketch that takes the place of the one that is there and of the tail.
// Does nothing if anything was changed meanwhile.
var foldScript = redis.NewScript(`
local s = redis.call('HMGET', KEYS[1], 'owner', 'changes')
if s[1] ~= ARGV[1] or s[2] ~= ARGV[3] or redis.call('EXISTS', KEYS[2]) == 0 then return {'LOST'} end
for p = 4, #ARGV, 2 do
	redis.call('HSET', KEYS[2], 'S' .. ARGV[p], ARGV[p + 1])
	redis.call('HDEL', KEYS[2], 'T' .. ARGV[p])
end
return {'OK'}`)
