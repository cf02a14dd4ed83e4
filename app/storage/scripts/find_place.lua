-- find_place: where a session stands in the line, and how the line stands.
-- KEYS[1] waiting  zset     session -> since when
-- KEYS[2] hosts    zset     host -> deadline
-- KEYS[3] free     hash     host -> free slots
-- ARGV[1] session  string
-- returns {how many are ahead or -1, how many wait, free slots of the hosts that live}
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local free = 0
for _, host in ipairs(redis.call("ZRANGEBYSCORE", KEYS[2], "(" .. string.format("%.0f", now_ms), "+inf")) do
    free = free + (tonumber(redis.call("HGET", KEYS[3], host)) or 0)
end
return {redis.call("ZRANK", KEYS[1], ARGV[1]) or -1, redis.call("ZCARD", KEYS[1]), free}
