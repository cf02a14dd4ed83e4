-- session_kept: a session is kept as it was at a change.
-- KEYS[1] changed  zset    session -> its last change, in us
-- ARGV[1] session  string
-- ARGV[2] change   string  after another one it stays listed
-- returns nothing
local now = redis.call("ZSCORE", KEYS[1], ARGV[1])
if now and string.format("%.0f", now) == ARGV[2] then redis.call("ZREM", KEYS[1], ARGV[1]) end
