-- create: write a session's record and an event of its history; a record that is there is left alone, but for
-- one of an earlier epoch that has not ended: a bot that was superseded wrote it again, after Redis had lost it.
-- KEYS[1] session  hash
-- KEYS[2] events   stream
-- ARGV[1] ttl_ms   integer  longer than the session may last
-- ARGV[2] epoch    string
-- ARGV[3] state    string   pending, or what a bot is in that writes its record again
-- ARGV[4...]                field, value, ...
-- returns nothing
local there = redis.call("HMGET", KEYS[1], "epoch", "state")
if there[1] and (tonumber(there[1]) >= tonumber(ARGV[2]) or there[2] == "ended") then return end
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("HSET", KEYS[1], "created_ms", now_ms, "updated_ms", now_ms, unpack(ARGV, 4))
redis.call("PEXPIRE", KEYS[1], ARGV[1])
redis.call("XADD", KEYS[2], "*", "event", ARGV[3], "epoch", ARGV[2])
redis.call("PEXPIRE", KEYS[2], ARGV[1])
