-- release: the holder of a room gives it up, with all that was open there.
-- KEYS[1] lease  json    removed, if it is this owner's at this epoch
-- KEYS[2] epoch  string  raised, so that a beat that is still on its way registers nothing again
-- KEYS[3...] things      keepalive, config and room state: removed with the lease
-- ARGV[1] owner     string
-- ARGV[2] epoch     string
-- ARGV[3] epoch_ms  integer  how long the last epoch is remembered
-- returns 1 if it was released, 0 if it is not the asker's: then nothing happens
local held = redis.call("GET", KEYS[1])
if not held then return 0 end
local lease = cjson.decode(held)
if lease.owner ~= ARGV[1] or lease.epoch ~= ARGV[2] then return 0 end
local last = math.max(tonumber(redis.call("GET", KEYS[2]) or "0"), tonumber(ARGV[2]) + 1)
redis.call("SET", KEYS[2], string.format("%.0f", last), "PX", ARGV[3])
redis.call("DEL", KEYS[1], unpack(KEYS, 3))
return 1
