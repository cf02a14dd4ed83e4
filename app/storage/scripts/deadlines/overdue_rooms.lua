-- overdue_rooms: the members whose deadline has passed, the longest overdue first.
-- KEYS[1] deadlines  zset
-- ARGV[1] limit      integer
-- returns the members
local now_ms = clock()
return redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now_ms, "LIMIT", 0, ARGV[1])
