-- clear_deadline: nothing is to be looked at any more.
-- KEYS[1] deadlines  zset     the member goes, unless somebody has marked it anew meanwhile
-- ARGV[1] member     string
-- returns nothing
local now_ms = clock()
local deadline = redis.call("ZSCORE", KEYS[1], ARGV[1])
if deadline and tonumber(deadline) <= now_ms then redis.call("ZREM", KEYS[1], ARGV[1]) end
