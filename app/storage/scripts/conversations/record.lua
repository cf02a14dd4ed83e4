-- record: add a turn to a conversation, and to its outbox.
-- KEYS[1] session       hash     if it is there: refused to a bot of an earlier epoch
-- KEYS[2] conversation  hash     the last sequence given
-- KEYS[3] turns         zset     json each, by sequence; the oldest go when there are too many
-- KEYS[4] outbox        list     the same json, until somebody has stored it
-- KEYS[5] outboxes      zset     conversation -> when its last turn came; of all, so not in its slot
-- KEYS[6] dropped       string   how many turns had no room in their outbox; of all
-- KEYS[7] told          stream   what happens to all sessions
-- KEYS[8] heard         stream   what is heard in all of them
-- ARGV[1] epoch         string   whose turn it is to write
-- ARGV[2] id            string   of the turn; written twice it is one
-- ARGV[3] turn          json     of its facts as strings only, so that no number changes on the way through cjson
-- ARGV[4] sequence      integer  that it had before Redis lost it, or 0
-- ARGV[5] after         integer  a new sequence is above this
-- ARGV[6] conversation  string   its id
-- ARGV[7] cap           integer  how many turns are kept
-- ARGV[8] ttl_ms        integer  how long they are kept from now
-- ARGV[9] out_cap       integer  how many turns an outbox holds; the oldest go
-- ARGV[10] out_ms       integer  how long it keeps them
-- ARGV[11] owner        string   of the conversation, should that be lost, or ""
-- returns the turn's sequence, or 0 if it was refused
local conversation, turns, outbox, outboxes = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local epoch, sequence = redis.call("HGET", KEYS[1], "epoch"), tonumber(ARGV[4])
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 0 end
local near = sequence > 0 and redis.call("ZRANGEBYSCORE", turns, sequence, sequence)
    or redis.call("ZREVRANGE", turns, 0, 9)
for _, written in ipairs(near) do
    local there = cjson.decode(written)
    if there.id == ARGV[2] then return tonumber(there.sequence) end
end

local last = tonumber(redis.call("HGET", conversation, "sequence") or "0")
if sequence == 0 then sequence = math.max(last, tonumber(ARGV[5])) + 1 end
redis.call("HSET", conversation, "sequence", math.max(last, sequence))
if ARGV[11] ~= "" then redis.call("HSETNX", conversation, "owner", ARGV[11]) end
local now_ms = clock()
local turn = cjson.decode(ARGV[3])
turn.sequence, turn.ended = string.format("%.0f", sequence), turn.ended or string.format("%.0f", now_ms)
turn.started = turn.started or turn.ended
local entry = cjson.encode(turn)
redis.call("ZADD", turns, sequence, entry)
redis.call("ZREMRANGEBYRANK", turns, 0, -ARGV[7] - 1)
redis.call("RPUSH", outbox, entry)
local too_many = redis.call("LLEN", outbox) - ARGV[9]
if too_many > 0 then
    redis.call("LTRIM", outbox, too_many, -1)
    redis.call("INCRBY", KEYS[6], too_many)
    redis.call("PEXPIRE", KEYS[6], ARGV[10])
end
redis.call("ZADD", outboxes, now_ms, ARGV[6])
redis.call("ZREMRANGEBYSCORE", outboxes, "-inf", now_ms - tonumber(ARGV[10]))
redis.call("PEXPIRE", turns, ARGV[8])
redis.call("PEXPIRE", outbox, ARGV[10])
-- Its owner is told with its turns, for as long as one of them may wait
if redis.call("PTTL", conversation) < tonumber(ARGV[10]) then redis.call("PEXPIRE", conversation, ARGV[10]) end
if turn.role == "summary" then return sequence end  -- nobody has said it
local facts = {"conversation", ARGV[6], "turn", sequence, "role", turn.role}
for _, name in ipairs({"person", "interrupted"}) do
    if turn[name] then facts[#facts + 1], facts[#facts + 2] = name, turn[name] end
end
tell(KEYS[7], KEYS[1], "conversation.turn", ARGV[1], "", facts)
if turn.role ~= "tool" and turn.content ~= "" then hear(KEYS[8], KEYS[1], "voice.transcript", ARGV[1], 0, facts) end
return sequence
