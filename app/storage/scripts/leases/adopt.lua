-- adopt: turn a claim into the active lease of one process, once; or learn that its turn comes when another yields.
-- KEYS[1] lease      json     from "pending" to "active"
-- KEYS[2] keepalive  json     the first beat
-- ARGV[1] token      string   of the claim
-- ARGV[2] owner      string   who asks; asking twice gets the same answer
-- ARGV[3] host       string   where it runs
-- ARGV[4] job_id     string   the task that runs it
-- ARGV[5] active_ms  integer  how long the lease lasts unrenewed
-- returns {"adopted" | "next", epoch}, {"taken"} (by another owner), or {"lapsed"} (not the room's claim any more)
local lease_key, keepalive_key = KEYS[1], KEYS[2]
local token, owner = ARGV[1], ARGV[2]
local held = redis.call("GET", lease_key)
if not held then return {"lapsed"} end
local lease = cjson.decode(held)
local successor = lease.next
if successor and successor.token == token then
    if successor.owner and successor.owner ~= owner then return {"taken"} end
    successor.owner, successor.host, successor.job_id = owner, ARGV[3], ARGV[4]
    redis.call("SET", lease_key, cjson.encode(lease), "KEEPTTL")
    return {"next", successor.epoch}
end
if lease.token ~= token then return {"lapsed"} end
if lease.status ~= "pending" then return lease.owner == owner and {"adopted", lease.epoch} or {"taken"} end

local now_ms = clock()
lease.status, lease.owner, lease.host, lease.job_id = "active", owner, ARGV[3], ARGV[4]
redis.call("SET", lease_key, cjson.encode(lease), "PX", ARGV[5])
local beat = {timestamp = now_ms, session_id = lease.session_id, epoch = lease.epoch, state = "joining"}
redis.call("SET", keepalive_key, cjson.encode(beat), "PX", ARGV[5])
return {"adopted", lease.epoch}
