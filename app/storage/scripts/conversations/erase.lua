-- erase: forget what was said in a session.
-- KEYS[1] session  hash    if it is there: refused to a bot of an earlier epoch
-- KEYS[2] turns    list
-- ARGV[1] epoch    string  who asks
-- returns nothing
local epoch = redis.call("HGET", KEYS[1], "epoch")
if not epoch or tonumber(epoch) <= tonumber(ARGV[1]) then redis.call("DEL", KEYS[2]) end
