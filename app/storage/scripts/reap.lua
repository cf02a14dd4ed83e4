-- reap: free a room whose bot has not been heard for too long.
-- KEYS[1] lease      json     removed with all that follows, if its keepalive is stale
-- KEYS[2] keepalive  json
-- KEYS[3] epoch      string   raised, so that the bot, should it wake up, learns that it was given up
-- KEYS[4...]                  config and room state
-- ARGV[1] stale_ms   integer
-- ARGV[2] epoch_ms   integer  how long the last epoch is remembered
-- returns {"free", ""}, or {"pending" | "alive" | "reaped", lease}
local held = redis.call("GET", KEYS[1])
if not held then return {"free", ""} end
local lease = cjson.decode(held)
if lease.status == "pending" then return {"pending", held} end
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local beat = redis.call("GET", KEYS[2])
if beat and now_ms - cjson.decode(beat).timestamp <= tonumber(ARGV[1]) then return {"alive", held} end

local epoch = string.format("%.0f", math.max(tonumber(lease.epoch) + 1, time[1] * 1000000 + time[2]))
redis.call("SET", KEYS[3], epoch, "PX", ARGV[2])
redis.call("DEL", KEYS[1], KEYS[2], unpack(KEYS, 4))
return {"reaped", held}
