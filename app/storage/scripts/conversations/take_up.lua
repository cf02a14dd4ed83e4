-- take_up: what was said in a conversation stands here again, after its turns were forgotten.
-- KEYS[1] session       hash     if it is there: refused to a bot of an earlier epoch
-- KEYS[2] conversation  hash     its last sequence is that one from now on, or a higher one
-- KEYS[3] turns         zset     json each, by sequence; left alone if there are any
-- ARGV[1] epoch         string   who asks
-- ARGV[2] last          integer  the last sequence that was ever given
-- ARGV[3] ttl_ms        integer  how long turns are kept from now
-- ARGV[4] kept_ms       integer  how long the last sequence is known
-- ARGV[5...] entries    json     sequence, turn, sequence, turn, ...
-- returns 1 if they were written, else 0
local conversation, turns = KEYS[2], KEYS[3]
local epoch = redis.call("HGET", KEYS[1], "epoch")
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 0 end
local last = tonumber(redis.call("HGET", conversation, "sequence") or "0")
redis.call("HSET", conversation, "sequence", string.format("%.0f", math.max(last, tonumber(ARGV[2]))))
if redis.call("PTTL", conversation) < tonumber(ARGV[4]) then redis.call("PEXPIRE", conversation, ARGV[4]) end
if redis.call("EXISTS", turns) == 1 then return 0 end
for i = 5, #ARGV, 2 do redis.call("ZADD", turns, ARGV[i], ARGV[i + 1]) end
redis.call("PEXPIRE", turns, ARGV[3])
return 1
