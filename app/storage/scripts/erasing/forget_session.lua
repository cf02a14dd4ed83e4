-- forget_session: nothing is known of a session that has ended any more.
-- KEYS[1] session  hash
-- KEYS[2] events   stream
-- KEYS[3] inbox    stream
-- KEYS[4] aside    zset    sessions that are put aside; of all, so not in its slot
-- ARGV[1] id       string  the session's
-- returns nothing
redis.call("DEL", KEYS[1], KEYS[2], KEYS[3])
redis.call("ZREM", KEYS[4], ARGV[1])
