-- adopt: turn a claim into the active lease of one process, once.
-- KEYS[1] lease      json     from "pending" to "active"
-- KEYS[2] keepalive  json     the first beat
-- ARGV[1] token      string   of the claim
-- ARGV[2] epoch      string   of the claim
-- ARGV[3] owner      string   who asks; asking twice gets the same answer
-- ARGV[4] host       string   where it runs
-- ARGV[5] job_id     string   the task that runs it
-- ARGV[6] active_ms  integer  how long the lease lasts unrenewed
-- returns "adopted", "taken" (by another owner), or "lapsed" (not the room's claim any more)
local lease_key, keepalive_key = KEYS[1], KEYS[2]
local token, epoch, owner = ARGV[1], ARGV[2], ARGV[3]
local held = redis.call("GET", lease_key)
if not held then return "lapsed" end
local lease = cjson.decode(held)
if lease.token ~= token or lease.epoch ~= epoch then return "lapsed" end
if lease.status ~= "pending" then return lease.owner == owner and "adopted" or "taken" end

local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
lease.status, lease.owner, lease.host, lease.job_id = "active", owner, ARGV[4], ARGV[5]
redis.call("SET", lease_key, cjson.encode(lease), "PX", ARGV[6])
local beat = {timestamp = now_ms, session_id = lease.session_id, epoch = epoch, state = "joining"}
redis.call("SET", keepalive_key, cjson.encode(beat), "PX", ARGV[6])
return "adopted"
