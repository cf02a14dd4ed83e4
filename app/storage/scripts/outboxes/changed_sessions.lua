-- changed_sessions: the sessions that have changed since they were kept.
-- KEYS[1] changed  zset     session -> its last change, in us
-- ARGV[1] limit    integer
-- returns {session, change, session, change, ...}, first the one whose last change is longest ago
local found = redis.call("ZRANGE", KEYS[1], 0, ARGV[1] - 1, "WITHSCORES")
for at = 2, #found, 2 do found[at] = string.format("%.0f", found[at]) end
return found
