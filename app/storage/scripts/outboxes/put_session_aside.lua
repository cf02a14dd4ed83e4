-- put_session_aside: what is known of a session is kept for longer, since the archive never takes it.
-- KEYS[1] session  hash
-- KEYS[2] events   stream
-- KEYS[3] aside    zset     session -> when it was put aside; of all, so not in its slot
-- ARGV[1] id       string   the session's
-- ARGV[2] kept_ms  integer  how long it is kept
-- returns nothing
redis.call("PEXPIRE", KEYS[1], ARGV[2])
redis.call("PEXPIRE", KEYS[2], ARGV[2])
redis.call("ZADD", KEYS[3], clock(), ARGV[1])
redis.call("PEXPIRE", KEYS[3], ARGV[2])
redis.call("ZREMRANGEBYSCORE", KEYS[3], "-inf", clock() - tonumber(ARGV[2]))
