-- advance: write where a procedure of a session stands.
-- KEYS[1] session  hash
-- ARGV[1] epoch    string  refused if the session has a later one
-- ARGV[2] before   json    where it stands, or "" if none is under way
-- ARGV[3] after    json    where it stands now, or "" if it is done; standing there already is no error
-- returns 1, 0 if it was refused, or -1 if there is no such session
local now = redis.call("HMGET", KEYS[1], "epoch", "procedure")
if not now[1] then return -1 end
local stands, before, after = now[2] or "", ARGV[2], ARGV[3]
if tonumber(now[1]) > tonumber(ARGV[1]) then return 0 end
if stands == after then return 1 end
if stands ~= before then return 0 end
if after == "" then redis.call("HDEL", KEYS[1], "procedure") else redis.call("HSET", KEYS[1], "procedure", after) end
return 1
