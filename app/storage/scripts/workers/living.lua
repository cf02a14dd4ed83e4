-- living: the members whose deadline has not passed; the others are dropped.
-- KEYS[1] deadlines  zset
-- KEYS[2] free       hash   a member's free slots; dropped with it
-- returns the members
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
for _, dead in ipairs(redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now_ms)) do redis.call("HDEL", KEYS[2], dead) end
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now_ms)
return redis.call("ZRANGE", KEYS[1], 0, -1)
