-- set_leave: write into a session's record when it ends, as somebody asked, unless anybody comes before.
-- KEYS[1] session  hash
-- ARGV[1] epoch    string  whose bot says so; one of an earlier epoch changes nothing
-- ARGV[2] leave    json    when, and who asked; or "" if it does not end then
-- returns nothing
local now = redis.call("HGET", KEYS[1], "epoch")
if now and tonumber(ARGV[1]) >= tonumber(now) then
    if ARGV[2] == "" then redis.call("HDEL", KEYS[1], "leave") else redis.call("HSET", KEYS[1], "leave", ARGV[2]) end
end
