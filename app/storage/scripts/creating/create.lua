-- create: write a session's record and an event of its history, and launch it; a record that is there is left alone,
-- but for one of an earlier epoch that has not ended: a bot that was superseded wrote it again, after Redis had lost it.
-- KEYS[1] session        hash
-- KEYS[2] events         stream
-- KEYS[3] last_session   string  of the room
-- KEYS[4] user_bot       json    of the user's latest session
-- KEYS[5] user_sessions  zset    of the user, or the link they came by; ended ones are removed
-- KEYS[6] live           zset    session -> start
-- KEYS[7] conversation   hash    whose it is
-- KEYS[8] changed        zset    sessions that are to be kept for good
-- KEYS[9] told           stream  what happens to all sessions
-- KEYS[10...] launch             if it is launched: waiting (zset, session -> since when), rooms (zset, room -> deadline),
--                                Celery's queue (list), hosts (zset, host -> deadline) and their free slots (hash)
-- ARGV[1] ttl_ms         integer longer than the session may last
-- ARGV[2] kept_ms        integer how long the user's bot is known
-- ARGV[3] id             string
-- ARGV[4] epoch          string
-- ARGV[5] state          string  pending, or the state of a bot that writes its lost record again
-- ARGV[6] user_bot       json
-- ARGV[7] message        string  its launch
-- ARGV[8] room           string
-- ARGV[9] within_ms      integer when the room is looked at, should the launch get lost
-- ARGV[10] sessions      integer the limit of sessions that are on
-- ARGV[11] line          integer the limit of those that wait
-- ARGV[12] user_sessions integer the limit of this user's that are on
-- ARGV[13] user_line     integer the limit of this user's that wait, where no slot is free
-- ARGV[14] owner         string  of the conversation: the tenant and the person
-- ARGV[15...] fields     field, value, ...
-- returns {outcome, and if it is launched: how many are ahead or -1, how many wait, free slots}; the outcome is "written",
--     "there", "conversation" if that is another's, or the limit that was reached: "sessions", "line", "user_sessions",
--     "user_line"
local id, epoch, is_launched = ARGV[3], ARGV[4], KEYS[10] ~= nil
local now_ms = clock()
local waiting = is_launched and redis.call("ZCARD", KEYS[10])
local free = is_launched and free_slots(KEYS[13], KEYS[14], now_ms)
local there = redis.call("HMGET", KEYS[1], "epoch", "state")
if there[1] and (tonumber(there[1]) >= tonumber(epoch) or there[2] == "ended") then
    if not is_launched then return {"there"} end
    return {"there", redis.call("ZRANK", KEYS[10], id) or -1, waiting, free}
end
if is_launched then
    local owner = redis.call("HGET", KEYS[7], "owner")
    if owner and owner ~= ARGV[14] then return {"conversation"} end
    if redis.call("ZCARD", KEYS[6]) >= tonumber(ARGV[10]) then return {"sessions"} end
    if waiting >= tonumber(ARGV[11]) then return {"line"} end
    local live, in_line = 0, 0
    for _, other in ipairs(redis.call("ZRANGE", KEYS[5], 0, -1)) do
        if redis.call("ZSCORE", KEYS[6], other) then
            live = live + 1
            if redis.call("ZSCORE", KEYS[10], other) then in_line = in_line + 1 end
        else
            redis.call("ZREM", KEYS[5], other)
        end
    end
    if live >= tonumber(ARGV[12]) then return {"user_sessions"} end
    if waiting >= free and in_line >= tonumber(ARGV[13]) then return {"user_line"} end
end

redis.call("HSET", KEYS[1], "created_ms", now_ms, "updated_ms", now_ms, unpack(ARGV, 15))
redis.call("PEXPIRE", KEYS[1], ARGV[1])
local line = redis.call("XADD", KEYS[2], "*", "event", ARGV[5], "epoch", epoch)
tell_line(KEYS[9], KEYS[1], ARGV[5], epoch, line, "", "")
redis.call("PEXPIRE", KEYS[2], ARGV[1])
redis.call("SET", KEYS[3], id, "PX", ARGV[1])
local known, mine = redis.call("GET", KEYS[4]), cjson.decode(ARGV[6])
local other = known and cjson.decode(known)
if is_launched then mine.since = string.format("%.0f", now_ms) end
-- Of two sessions that began in one millisecond the later one is the one that is launched now.
local is_later = other and (tonumber(other.since) < tonumber(mine.since) or (is_launched and other.since == mine.since))
if not other or other.session_id == id or is_later then
    mine.timestamp = now_ms
    redis.call("SET", KEYS[4], cjson.encode(mine), "PX", ARGV[2])
end
redis.call("ZADD", KEYS[5], now_ms, id)
if redis.call("PTTL", KEYS[5]) < tonumber(ARGV[1]) then redis.call("PEXPIRE", KEYS[5], ARGV[1]) end
redis.call("HSETNX", KEYS[7], "owner", ARGV[14])
if redis.call("PTTL", KEYS[7]) < tonumber(ARGV[1]) then redis.call("PEXPIRE", KEYS[7], ARGV[1]) end
redis.call("ZADD", KEYS[6], "NX", now_ms, id)
has_changed(KEYS[8], KEYS[1])
if is_launched then
    redis.call("ZADD", KEYS[11], now_ms + tonumber(ARGV[9]), ARGV[8])
    redis.call("ZADD", KEYS[10], "NX", now_ms, id)
    redis.call("LPUSH", KEYS[12], ARGV[7])
    return {"written", waiting, waiting + 1, free}
end
return {"written"}
