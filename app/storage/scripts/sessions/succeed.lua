-- succeed: a session goes on under a later epoch, with another bot.
-- KEYS[1] session   hash     its procedure, if one was under way, is over
-- KEYS[2] events    stream
-- KEYS[3] alone     zset     session -> since when its bot is alone; of all, so not in its slot
-- KEYS[4] changed   zset     sessions that are to be kept for good
-- KEYS[5] told      stream   what happens to all sessions
-- ARGV[1] epoch     string   the later one; a session that has it already, has ended or is leaving is left alone
-- ARGV[2] to        string   the new state, or "" if it stays what it was
-- ARGV[3] event     string   what has happened
-- ARGV[4] detail    string   or ""
-- ARGV[5] crash_ms  integer  how long a crash counts, or 0 if this is none
-- ARGV[6] cap       integer  how many events a history keeps
-- ARGV[7] host      string   where its bot is, or ""
-- ARGV[8] reason    string   the kind of a bot's failure, for the history alone, or ""
-- returns {crashes, fields...}, or {} if there is no such session
local session, events, epoch, to = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local now = redis.call("HMGET", session, "state", "epoch", "crashes")
if not now[1] then return {} end
local now_ms = clock()
local crashes = {}
for at in string.gmatch(now[3] or "", "%d+") do
    if ARGV[5] == "0" or now_ms - at < tonumber(ARGV[5]) then crashes[#crashes + 1] = at end
end
local goes_on = now[1] ~= "ended" and now[1] ~= "leaving"
if goes_on and tonumber(epoch) > tonumber(now[2]) then
    if ARGV[5] ~= "0" then crashes[#crashes + 1] = string.format("%.0f", now_ms) end
    local state = to ~= "" and to or now[1]
    redis.call("HSET", session, "epoch", epoch, "state", state, "updated_ms", now_ms,
        "launches", 1, "crashes", table.concat(crashes, ","))
    redis.call("HDEL", session, "procedure")
    redis.call("HINCRBY", session, "version", 1)
    has_changed(KEYS[4], session)
    -- Its bot is gone: whoever was with it has to come back, and its next bot knows whether anybody was.
    if to == "pending" and redis.call("HEXISTS", session, "person") == 1 then
        local is_first = redis.call("HSETNX", session, "alone_ms", now_ms) == 1
        redis.call("HSET", session, "was_empty", is_first and 0 or 1)
    end
    list_if_alone(KEYS[3], session)
    local event = {"event", ARGV[3], "epoch", epoch}
    for name, value in pairs({reason = ARGV[8], detail = ARGV[4]}) do
        if value ~= "" then event[#event + 1], event[#event + 2] = name, value end
    end
    local line = redis.call("XADD", events, "MAXLEN", "~", ARGV[6], "*", unpack(event))
    tell_line(KEYS[5], session, ARGV[3], epoch, line, ARGV[8], "")
    if to ~= "" then
        line = redis.call("XADD", events, "MAXLEN", "~", ARGV[6], "*", "event", to, "epoch", epoch)
        tell_line(KEYS[5], session, to, epoch, line, "", "")
    end
end
if goes_on and tonumber(epoch) >= tonumber(now[2]) and ARGV[7] ~= "" then
    redis.call("HSET", session, "host", ARGV[7])
end
local record = redis.call("HGETALL", session)
table.insert(record, 1, #crashes)
return record
