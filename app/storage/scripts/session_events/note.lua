-- note: put something into the history of a session that exists.
-- KEYS[1] session  hash
-- KEYS[2] events   stream
-- KEYS[3] alone    zset     session -> since when its bot is alone; of all, so not in its slot
-- KEYS[4] changed  zset     sessions that are to be kept for good
-- KEYS[5] told     stream   what happens to all sessions
-- ARGV[1] cap      integer  how many events a history keeps
-- ARGV[2] person   string   who has come, and is the session's person from now on; "" where nobody has
-- ARGV[3] epoch    string   who says so; only the latest may name a person
-- ARGV[4] event    string
-- ARGV[5] who      string   who has come or gone, or ""
-- ARGV[6...] fields          field, value, ...
-- returns nothing
local now = redis.call("HGET", KEYS[1], "epoch")
if now then
    if ARGV[2] ~= "" and tonumber(ARGV[3]) >= tonumber(now) then
        redis.call("HSET", KEYS[1], "person", ARGV[2])
        redis.call("HDEL", KEYS[1], "alone_ms")
        list_if_alone(KEYS[3], KEYS[1])
    end
    local line = redis.call("XADD", KEYS[2], "MAXLEN", "~", ARGV[1], "*", unpack(ARGV, 6))
    tell_line(KEYS[5], KEYS[1], ARGV[4], ARGV[3], line, "", ARGV[5])
    has_changed(KEYS[4], KEYS[1])
end
