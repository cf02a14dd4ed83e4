-- withdraw: take back a claim that no bot has adopted, with what a bot before it had left open.
-- KEYS[1] lease  json    removed, if it is pending at this epoch
-- KEYS[2...] things      config and room state: removed with the lease
-- ARGV[1] epoch  string
-- returns 1 if it was withdrawn, 0 if it has been adopted, replaced or has lapsed
local held = redis.call("GET", KEYS[1])
if not held then return 0 end
local lease = cjson.decode(held)
if lease.status ~= "pending" or lease.epoch ~= ARGV[1] then return 0 end
redis.call("DEL", unpack(KEYS))
return 1
