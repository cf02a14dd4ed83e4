-- report: a worker says that it lives and how full it is, and learns what is wanted of it.
-- KEYS[1] card      json     of the worker
-- KEYS[2] held      json     which sessions it runs
-- KEYS[3] requested  string   forgotten at the first report
-- KEYS[4] memory    string   how long this Redis has answered since it lost everything
-- KEYS[5] hosts     zset     worker -> deadline
-- KEYS[6] free      hash     worker -> free slots
-- ARGV[1] card      json
-- ARGV[2] lasts_ms  integer  how long the card lasts
-- ARGV[3] held      json, or "" at a worker's first report: what the one before it held stays
-- ARGV[4] held_ms   integer  how long that is remembered
-- ARGV[5] settle_ms integer  a Redis that lost everything gives no room away until it has answered for so long
-- ARGV[6] silent_ms integer  a longer time without a claim or a report is an outage, and the count begins again
-- ARGV[7] id        string   the worker's
-- ARGV[8] free      integer  its free slots
-- returns what is wanted: "work", or what was requested

local now_ms = clock()
left_to_settle(KEYS[4], tonumber(ARGV[5]), tonumber(ARGV[6]))
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
redis.call("ZADD", KEYS[5], now_ms + tonumber(ARGV[2]), ARGV[7])
redis.call("HSET", KEYS[6], ARGV[7], ARGV[8])
if ARGV[3] == "" then
    redis.call("DEL", KEYS[3])
    return "work"
end
redis.call("SET", KEYS[2], ARGV[3], "PX", ARGV[4])
return redis.call("GET", KEYS[3]) or "work"
