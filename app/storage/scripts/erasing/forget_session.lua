-- forget_session: nothing is known of a session that has ended any more.
-- KEYS[1] session  hash
-- KEYS[2] events   stream
-- KEYS[3] inbox    stream
-- returns nothing
redis.call("DEL", KEYS[1], KEYS[2], KEYS[3])
