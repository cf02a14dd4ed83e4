-- transition: move a session to another state, and write it into its history.
-- KEYS[1] session   hash
-- KEYS[2] events    stream
-- KEYS[3] alone     zset     session -> since when its bot is alone; of all, so not in its slot
-- KEYS[4] changed   zset     sessions that are to be kept for good
-- KEYS[5] told      stream   what happens to all sessions
-- ARGV[1] to        string   the new state; being there already at this epoch is no error
-- ARGV[2] before    string   ",state,state,": the states it may come from
-- ARGV[3] expected  string   the only one of those that it may come from now, or ""
-- ARGV[4] epoch     string   refused if the session has a later one
-- ARGV[5] reason    string   or ""
-- ARGV[6] detail    string   or ""
-- ARGV[7] host      string   or ""
-- ARGV[8] cap       integer  how many events a history keeps
-- ARGV[9] ttl_ms    integer  how long record and history last from now, or 0 to leave it
-- returns {"moved", fields...}, {"refused", state}, or {"missing"}
local session, events = KEYS[1], KEYS[2]
local to, expected, epoch = ARGV[1], ARGV[3], ARGV[4]
local now = redis.call("HMGET", session, "state", "epoch")
if not now[1] then return {"missing"} end
if tonumber(now[2]) > tonumber(epoch) then return {"refused", now[1]} end
if now[1] ~= to then
    if not string.find(ARGV[2], "," .. now[1] .. ",", 1, true) then return {"refused", now[1]} end
    if expected ~= "" and now[1] ~= expected then return {"refused", now[1]} end
    local now_ms = clock()
    redis.call("HSET", session, "state", to, "updated_ms", now_ms)
    -- A bot that gets on stage is alone until its first person comes (note.lua).
    local is_alone = to == "waiting" or (to == "live" and redis.call("HEXISTS", session, "person") == 0)
    if is_alone then redis.call("HSETNX", session, "alone_ms", now_ms) end
    redis.call("HINCRBY", session, "version", 1)
    has_changed(KEYS[4], session)
    local event = {"event", to, "epoch", epoch}
    for name, value in pairs({reason = ARGV[5], detail = ARGV[6], host = ARGV[7]}) do
        if value ~= "" then
            if name ~= "detail" then redis.call("HSET", session, name, value) end
            event[#event + 1], event[#event + 2] = name, value
        end
    end
    local line = redis.call("XADD", events, "MAXLEN", "~", ARGV[8], "*", unpack(event))
    tell_line(KEYS[5], session, to, epoch, line, ARGV[5], "")
    list_if_alone(KEYS[3], session)
    if ARGV[9] ~= "0" then
        redis.call("PEXPIRE", session, ARGV[9])
        redis.call("PEXPIRE", events, ARGV[9])
    end
end
local record = redis.call("HGETALL", session)
table.insert(record, 1, "moved")
return record
