-- claim: take a room that is free, or whose bot has not been heard for too long.
-- KEYS[1] lease      json     becomes "pending"; asking twice with one token is one claim
-- KEYS[2] epoch      string   the last epoch given; only grows, through a wipe of Redis too
-- KEYS[3] keepalive  json     removed when a stale bot is taken over
-- KEYS[4] config     json     removed: a new session starts with its own
-- ARGV[1] token      string   who asks
-- ARGV[2] card       json     session_id, bot, user, personality, mode: what the lease tells others
-- ARGV[3] pending_ms integer  how long the claim lasts unadopted
-- ARGV[4] stale_ms   integer  a bot unheard for longer is dead
-- ARGV[5] epoch_ms   integer  how long the last epoch is remembered
-- returns {"claimed", epoch, session taken over or ""}
--      or {"held", lease, age in ms or -1 while it is starting, state of its session}
local lease_key, epoch_key, keepalive_key, config_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token, pending_ms, stale_ms = ARGV[1], ARGV[3], tonumber(ARGV[4])
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local took_over = ""

local held = redis.call("GET", lease_key)
if held then
    local lease = cjson.decode(held)
    if lease.token == token then return {"claimed", lease.epoch, lease.took_over or ""} end
    if lease.status == "pending" then return {"held", held, -1, "pending"} end
    local heard = redis.call("GET", keepalive_key)
    local beat = heard and cjson.decode(heard)
    local age = beat and now_ms - beat.timestamp or stale_ms + 1
    if age <= stale_ms then return {"held", held, age, beat.state} end
    took_over = lease.session_id
end

-- Epochs travel as strings: cjson writes numbers with 14 digits, and these have 16.
local last = tonumber(redis.call("GET", epoch_key) or "0")
local epoch = string.format("%.0f", math.max(last + 1, time[1] * 1000000 + time[2]))
local lease = cjson.decode(ARGV[2])
lease.status, lease.token, lease.epoch, lease.since = "pending", token, epoch, now_ms
lease.took_over = took_over
redis.call("SET", lease_key, cjson.encode(lease), "PX", pending_ms)
redis.call("SET", epoch_key, epoch, "PX", ARGV[5])
redis.call("DEL", keepalive_key, config_key)
return {"claimed", epoch, took_over}
