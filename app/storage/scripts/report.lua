-- report: a worker says that it lives and how full it is, and learns what is wanted of it.
-- KEYS[1] card      json     of the worker
-- KEYS[2] held      json     which sessions it runs
-- KEYS[3] wish      string   forgotten at the first report
-- KEYS[4] memory    string   since when this Redis remembers
-- ARGV[1] card      json
-- ARGV[2] lasts_ms  integer  how long the card lasts
-- ARGV[3] held      json, or "" at a worker's first report: what the one before it held stays
-- ARGV[4] held_ms   integer  how long that is remembered
-- returns what is wanted: "work", or what was wished
local time = redis.call("TIME")
redis.call("SET", KEYS[4], time[1] * 1000 + math.floor(time[2] / 1000), "NX")
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
if ARGV[3] == "" then
    redis.call("DEL", KEYS[3])
    return "work"
end
redis.call("SET", KEYS[2], ARGV[3], "PX", ARGV[4])
return redis.call("GET", KEYS[3]) or "work"
