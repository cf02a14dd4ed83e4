-- living: the members whose deadline has not passed; the others are dropped.
-- KEYS[1] deadlines  zset
-- returns the members
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now_ms)
return redis.call("ZRANGE", KEYS[1], 0, -1)
