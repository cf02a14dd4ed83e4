-- overdue_rooms: the members whose deadline has passed, the longest overdue first.
-- KEYS[1] deadlines  zset
-- ARGV[1] limit      integer
-- returns the members
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now_ms, "LIMIT", 0, ARGV[1])
