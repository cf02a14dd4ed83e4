-- send_again: put a dead letter behind those that its session has in the queue.
-- KEYS[1] dead    hash     id -> json
-- KEYS[2] due     zset     session -> when its first letter is sent
-- KEYS[3] queue   list     of a session, whose id takes the place of the *
-- ARGV[1] id      string
-- ARGV[2] ttl_ms  integer  how long it is tried
-- returns 1, or 0 if there is none of that id
local found = redis.call("HGET", KEYS[1], ARGV[1])
if not found then return 0 end
local epitaph, now_ms = cjson.decode(found), clock()
local queue = string.gsub(KEYS[3], "%*", function() return epitaph.session end)
redis.call("HDEL", KEYS[1], ARGV[1])
redis.call("RPUSH", queue, epitaph.letter)
redis.call("PEXPIRE", queue, ARGV[2])
redis.call("ZADD", KEYS[2], "NX", now_ms, epitaph.session)
redis.call("PEXPIRE", KEYS[2], ARGV[2])
return 1
