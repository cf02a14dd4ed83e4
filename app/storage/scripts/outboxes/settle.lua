-- settle: take out of an outbox what is kept for good, and put aside what cannot be.
-- KEYS[1] outbox      list   its first entries are those that are meant, in this order
-- KEYS[2] outboxes    zset   conversation -> when its last turn came; of all, so not in its slot
-- KEYS[3] unstorable  list   what is put aside
-- KEYS[4] with_some   zset   conversation -> when something of it was put aside; of all
-- ARGV[1] conversation string  its id
-- ARGV[2] kept_ms      integer how long what is put aside is kept
-- ARGV[3] aside        string  ",1,3,": the places of those marks, from 1, that are put aside
-- ARGV[4...] marks             the SHA-1 of each entry; what is not there any more is passed over
-- returns how many were taken out
local outbox, conversation = KEYS[1], ARGV[1]
local there = #ARGV > 3 and redis.call("LRANGE", outbox, 0, #ARGV - 4) or {}
local taken = 0
for place = 1, #ARGV - 3 do
    local entry = there[taken + 1]
    if not entry then break end
    if redis.sha1hex(entry) == ARGV[place + 3] then
        taken = taken + 1
        if string.find(ARGV[3], "," .. place .. ",", 1, true) then
            redis.call("RPUSH", KEYS[3], entry)
            redis.call("PEXPIRE", KEYS[3], ARGV[2])
            redis.call("ZADD", KEYS[4], clock(), conversation)
        end
    end
end
if taken > 0 then redis.call("LTRIM", outbox, taken, -1) end
if redis.call("LLEN", outbox) == 0 then redis.call("ZREM", KEYS[2], conversation) end
redis.call("ZREMRANGEBYSCORE", KEYS[4], "-inf", clock() - tonumber(ARGV[2]))
return taken
