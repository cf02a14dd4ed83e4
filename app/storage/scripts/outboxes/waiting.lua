-- waiting: how much waits to be kept.
-- KEYS[1] outboxes     zset    conversation -> when its last turn came
-- KEYS[2] changed      zset    session -> its last change
-- KEYS[3] with_some    zset    conversations of which a turn was put aside
-- KEYS[4] aside        zset    sessions that were put aside
-- KEYS[5] dropped      string  how many turns had no room
-- KEYS[6...] outboxes_read     some of those outboxes, a list each
-- returns {conversations, sessions, unstorable, aside, dropped, turns, fullest, since when the first of the turns waits or 0}
local turns, fullest, oldest = 0, 0, nil
for at = 6, #KEYS do
    local length = redis.call("LLEN", KEYS[at])
    turns, fullest = turns + length, math.max(fullest, length)
    local is_read, first = pcall(cjson.decode, redis.call("LINDEX", KEYS[at], 0) or "")
    local since = is_read and type(first) == "table" and tonumber(first.ended)
    if since and (not oldest or since < oldest) then oldest = since end
end
return {redis.call("ZCARD", KEYS[1]), redis.call("ZCARD", KEYS[2]), redis.call("ZCARD", KEYS[3]),
    redis.call("ZCARD", KEYS[4]), tonumber(redis.call("GET", KEYS[5]) or "0"), turns, fullest, oldest or 0}
