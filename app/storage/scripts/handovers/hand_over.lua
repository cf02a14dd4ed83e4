-- hand_over: name the claim of whoever shall have a room next.
-- KEYS[1] lease     json     becomes "handing_over"; still its owner's
-- KEYS[2] epoch     string   the last epoch given
-- ARGV[1] owner     string   who asks
-- ARGV[2] epoch     string   of its adoption
-- ARGV[3] token     string   which the successor must adopt; asking twice with it is once
-- ARGV[4] epoch_ms  integer  how long the last epoch is remembered
-- returns the successor's epoch, or "" if the room is not the asker's
local held = redis.call("GET", KEYS[1])
if not held then return "" end
local lease = cjson.decode(held)
if lease.owner ~= ARGV[1] or lease.epoch ~= ARGV[2] then return "" end
if lease.next and lease.next.token == ARGV[3] then return lease.next.epoch end
local epoch = next_epoch(KEYS[2], lease.epoch, ARGV[4])
lease.status, lease.next = "handing_over", {token = ARGV[3], epoch = epoch}
redis.call("SET", KEYS[1], cjson.encode(lease), "KEEPTTL")
return epoch
