-- leave_line: a session waits no more: a worker has taken its launch, or it is only forgotten.
-- KEYS[1] waiting    zset     session -> since when; the session goes
-- KEYS[2] served     string   since when the latest of those had waited whom a worker has taken; only grows
-- ARGV[1] session    string
-- ARGV[2] in_front   integer  ms: a session that waited for longer was put in front of the line, and tells nothing of the others
-- ARGV[3] kept_ms    integer
-- ARGV[4] is_served  0 or 1   0: it is only forgotten
-- returns nothing
local since = tonumber(redis.call("ZSCORE", KEYS[1], ARGV[1]) or "0")
redis.call("ZREM", KEYS[1], ARGV[1])
if ARGV[4] == "0" then return end
local now_ms = clock()
local served = tonumber(redis.call("GET", KEYS[2]) or "0")
if now_ms - since > tonumber(ARGV[2]) or (since <= served and served <= now_ms) then return end
redis.call("SET", KEYS[2], string.format("%.0f", since), "PX", ARGV[3])
