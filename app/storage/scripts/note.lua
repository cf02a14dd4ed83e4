-- note: put something into the history of a session that exists.
-- KEYS[1] session  hash
-- KEYS[2] events   stream
-- ARGV[1] cap      integer  how many events a history keeps
-- ARGV[2] person   string   who is the session's person from now on, or ""
-- ARGV[3...]                field, value, ...
-- returns nothing
if redis.call("EXISTS", KEYS[1]) == 1 then
    if ARGV[2] ~= "" then redis.call("HSET", KEYS[1], "person", ARGV[2]) end
    redis.call("XADD", KEYS[2], "MAXLEN", "~", ARGV[1], "*", unpack(ARGV, 3))
end
