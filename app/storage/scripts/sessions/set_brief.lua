-- set_brief: write into a session's record how its bot is from now on.
-- KEYS[1] session  hash
-- ARGV[1] epoch    string  whose bot says so; one of an earlier epoch changes nothing
-- ARGV[2] brief    json
-- returns nothing
local now = redis.call("HGET", KEYS[1], "epoch")
if now and tonumber(ARGV[1]) >= tonumber(now) then redis.call("HSET", KEYS[1], "brief", ARGV[2]) end
