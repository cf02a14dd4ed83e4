-- supersede: give a room's session to a new bot, under a later epoch.
-- KEYS[1] lease      json     becomes "pending" for the same session
-- KEYS[2] keepalive  json     removed
-- KEYS[3] epoch      string   the last epoch given
-- ARGV[1] token      string   which the new bot must adopt; asking twice with it is once
-- ARGV[2] owner      string   only if the room is this owner's, or "" for anybody's; a successor of this owner is dropped
-- ARGV[3] epoch      string   only at this epoch, or ""
-- ARGV[4] quiet_ms   integer  only if its bot has not been heard for so long
-- ARGV[5] doubt_ms   integer  and only so long after a doubt was raised, or 0 if none is needed
-- ARGV[6] keeps_ms   integer  an older doubt does not count: Redis may have been away since
-- ARGV[7] pending_ms integer  how long the claim lasts unadopted
-- ARGV[8] epoch_ms   integer  how long the last epoch is remembered
-- returns {"free", ""}, or {"pending" | "other" | "alive" | "doubted" | "superseded", lease}
local lease_key, keepalive_key, epoch_key = KEYS[1], KEYS[2], KEYS[3]
local token, owner, epoch, doubt_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[5])
local held = redis.call("GET", lease_key)
if not held then return {"free", ""} end
local lease = cjson.decode(held)
if lease.token == token then return {"superseded", held} end
if owner ~= "" and lease.next and lease.next.owner == owner then
    lease.status, lease.next = "active", nil
    redis.call("SET", lease_key, cjson.encode(lease), "KEEPTTL")
    return {"other", held}
end
if (owner ~= "" and lease.owner ~= owner) or (epoch ~= "" and lease.epoch ~= epoch) then return {"other", held} end
if lease.status == "pending" then return {"pending", held} end

local now_ms = clock()
local heard = redis.call("GET", keepalive_key)
local last_ms = heard and cjson.decode(heard).timestamp or 0
local silent_ms, quiet_ms = now_ms - last_ms, tonumber(ARGV[4])
-- A beat in the future was written before the clock was set back: nobody knows its age, so a doubt must decide.
local is_known = silent_ms > -quiet_ms or doubt_ms == 0
if quiet_ms > 0 and silent_ms < quiet_ms and is_known then return {"alive", held} end
if doubt_ms > 0 and left_of_doubt(lease_key, lease, last_ms, doubt_ms, tonumber(ARGV[6])) > 0 then
    return {"doubted", held}
end

lease.epoch = next_epoch(epoch_key, lease.epoch, ARGV[8])
lease.status, lease.token, lease.since, lease.asked, lease.lasts = "pending", token, now_ms, now_ms, tonumber(ARGV[7])
for _, past in ipairs({"owner", "host", "job_id", "next", "doubted", "took_over", "yielded", "tries", "tried"}) do lease[past] = nil end
local given = cjson.encode(lease)
redis.call("SET", lease_key, given, "PX", ARGV[7])
redis.call("DEL", keepalive_key)
return {"superseded", given}
