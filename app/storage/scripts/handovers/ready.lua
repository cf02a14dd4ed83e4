-- ready: a successor says that it is prepared, and learns whether the room is its own by now.
-- KEYS[1] lease  json    its successor becomes ready
-- ARGV[1] token  string  of the successor's claim
-- ARGV[2] owner  string  who adopted it
-- returns "wait", "yours", or "lapsed" (the room has another successor, or none)
local held = redis.call("GET", KEYS[1])
if not held then return "lapsed" end
local lease = cjson.decode(held)
if lease.token == ARGV[1] and lease.owner == ARGV[2] then return "yours" end
local successor = lease.next
if not successor or successor.token ~= ARGV[1] or successor.owner ~= ARGV[2] then return "lapsed" end
if not successor.ready then
    successor.ready = true
    redis.call("SET", KEYS[1], cjson.encode(lease), "KEEPTTL")
end
return "wait"
