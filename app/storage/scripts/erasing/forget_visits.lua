-- forget_visits: that one person came to a session of somebody else's is not known any more.
-- KEYS[1] session  hash
-- KEYS[2] events   stream
-- ARGV[1] person   string
-- returns nothing
for _, event in ipairs(redis.call("XRANGE", KEYS[2], "-", "+")) do
    for at = 1, #event[2], 2 do
        if event[2][at] == "person" and event[2][at + 1] == ARGV[1] then redis.call("XDEL", KEYS[2], event[1]) end
    end
end
if redis.call("HGET", KEYS[1], "person") == ARGV[1] then redis.call("HDEL", KEYS[1], "person") end
