-- find_place: where a session stands in the line, and how the line stands.
-- KEYS[1] waiting  zset     session -> since when
-- KEYS[2] hosts    zset     host -> deadline
-- KEYS[3] free     hash     host -> free slots
-- KEYS[4] served   string   since when the latest of those had waited whom a worker has taken
-- ARGV[1] session  string
-- returns {how many are ahead or -1, how many wait, free slots of the hosts that live, since when it waits, served}
local now_ms = clock()
local free = free_slots(KEYS[2], KEYS[3], now_ms)
local since = tonumber(redis.call("ZSCORE", KEYS[1], ARGV[1]) or "0")
local served = tonumber(redis.call("GET", KEYS[4]) or "0")
if served > now_ms then served = 0 end  -- written before the clock was set back: it cannot be compared
return {redis.call("ZRANK", KEYS[1], ARGV[1]) or -1, redis.call("ZCARD", KEYS[1]), free,
    string.format("%.0f", since), string.format("%.0f", served)}
