-- hold: let a claim that no bot has adopted last longer.
-- KEYS[1] lease    json     if it is pending at this epoch
-- ARGV[1] epoch    string
-- ARGV[2] lasts_ms integer  from now, at least; where that is longer than it was claimed for it is said in the claim
-- ARGV[3] tries    integer  launches since there was a slot for it, or "" to leave that as it is
-- returns 1 if it lasts, 0 if it has been adopted, replaced or has lapsed
local held = redis.call("GET", KEYS[1])
if not held then return 0 end
local lease = cjson.decode(held)
if lease.status ~= "pending" or lease.epoch ~= ARGV[1] then return 0 end
local lasts_ms, tries = tonumber(ARGV[2]), tonumber(ARGV[3])
if tries then
    if tries > (lease.tries or 1) and tries > 1 then
        lease.tried = clock()
    end
    lease.tries = tries
end
lease.lasts = math.max(lease.lasts or 0, lasts_ms)
redis.call("SET", KEYS[1], cjson.encode(lease), "KEEPTTL")
if redis.call("PTTL", KEYS[1]) < lasts_ms then redis.call("PEXPIRE", KEYS[1], ARGV[2]) end
return 1
