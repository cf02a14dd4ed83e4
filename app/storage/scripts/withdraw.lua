-- withdraw: take back a claim that no bot has adopted.
-- KEYS[1] lease  json    removed, if it is pending at this epoch
-- ARGV[1] epoch  string
-- returns 1 if it was withdrawn, 0 if it has been adopted, replaced or has lapsed
local held = redis.call("GET", KEYS[1])
if not held then return 0 end
local lease = cjson.decode(held)
if lease.status ~= "pending" or lease.epoch ~= ARGV[1] then return 0 end
redis.call("DEL", KEYS[1])
return 1
