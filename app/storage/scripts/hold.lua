-- hold: let a claim that no bot has adopted last longer.
-- KEYS[1] lease    json     if it is pending at this epoch
-- ARGV[1] epoch    string
-- ARGV[2] lasts_ms integer  from now
-- returns 1 if it lasts, 0 if it has been adopted, replaced or has lapsed
local held = redis.call("GET", KEYS[1])
if not held then return 0 end
local lease = cjson.decode(held)
if lease.status ~= "pending" or lease.epoch ~= ARGV[1] then return 0 end
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return 1
