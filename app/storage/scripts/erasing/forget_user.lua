-- forget_user: which bot and which sessions a user had is not known any more.
-- KEYS[1] user_bot       json
-- KEYS[2] user_sessions  zset
-- returns nothing
redis.call("DEL", KEYS[1], KEYS[2])
