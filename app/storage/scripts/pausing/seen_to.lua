-- seen_to: a session's pause needs no look any more.
-- KEYS[1] pauses    zset     session -> since when its pause is to be looked after
-- ARGV[1] session   string
-- ARGV[2] since_ms  integer  as the list said; a pause that changed since stays on it
-- returns nothing
local since = redis.call("ZSCORE", KEYS[1], ARGV[1])
if since and tonumber(since) <= tonumber(ARGV[2]) then redis.call("ZREM", KEYS[1], ARGV[1]) end
