-- set_duration: write into a session's record how long it may last.
-- KEYS[1] session   hash
-- KEYS[2] events    stream
-- KEYS[3] changed   zset     sessions that are to be kept for good
-- KEYS[4] told      stream   what happens to all sessions
-- ARGV[1] more_ms   integer  longer than until now by this, or 0
-- ARGV[2] lasts_ms  integer  where nothing is added: so long, since it was requested
-- ARGV[3] usual_ms  integer  how long it may last while its record does not say
-- ARGV[4] most_ms   integer  how long any session may last
-- ARGV[5] kept_ms   integer  how long a record is kept after the session's end
-- ARGV[6] event     string
-- ARGV[7] cap       integer  how many events a history keeps
-- returns {"set" or "same", fields...}, {"over", state} once it leaves or has ended, {"refused"} if that is too long or
--     already over, or {"missing"}
local session = KEYS[1]
local now = redis.call("HMGET", session, "state", "epoch", "lasts_ms", "created_ms")
if not now[1] then return {"missing"} end
if now[1] == "leaving" or now[1] == "ended" then return {"over", now[1]} end
local before = tonumber(now[3] or ARGV[3])
local more = tonumber(ARGV[1])
local lasts = more > 0 and before + more or tonumber(ARGV[2])
if lasts > tonumber(ARGV[4]) or tonumber(now[4]) + lasts <= clock() then return {"refused"} end
local outcome = "same"
if lasts ~= before then
    outcome = "set"
    redis.call("HSET", session, "lasts_ms", string.format("%.0f", lasts))
    redis.call("HINCRBY", session, "version", 1)
    local line = redis.call("XADD", KEYS[2], "MAXLEN", "~", ARGV[7], "*", "event", ARGV[6], "epoch", now[2],
        "detail", string.format("%.0f s", lasts / 1000))
    tell_line(KEYS[4], session, ARGV[6], now[2], line, "", "")
    has_changed(KEYS[3], session)
    local kept = tonumber(now[4]) + lasts + tonumber(ARGV[5]) - clock()
    for _, key in ipairs({session, KEYS[2]}) do
        if redis.call("PTTL", key) < kept then redis.call("PEXPIRE", key, string.format("%.0f", kept)) end
    end
end
local record = redis.call("HGETALL", session)
table.insert(record, 1, outcome)
return record
