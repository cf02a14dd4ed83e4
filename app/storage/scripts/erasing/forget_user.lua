-- forget_user: which bot, sessions and voice rooms a user had, and in whose call they were, is not known any more.
-- KEYS[1] user_bot       json
-- KEYS[2] user_sessions  zset
-- KEYS[3] voice_rooms    hash
-- KEYS[4] user_call      json
-- returns nothing
redis.call("DEL", KEYS[1], KEYS[2], KEYS[3], KEYS[4])
