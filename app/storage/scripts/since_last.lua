-- since_last: how long ago a piece of work was last begun; it is begun now.
-- KEYS[1] ran     string   the moment, in ms of Redis's own time
-- ARGV[1] ttl_ms  integer  how long it is remembered
-- returns the ms since then, or -1 if it is not known
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call("GET", KEYS[1])
redis.call("SET", KEYS[1], string.format("%.0f", now_ms), "PX", ARGV[1])
return before and now_ms - tonumber(before) or -1
