-- count_launch: one more launch of a session that exists.
-- KEYS[1] session  hash
-- returns how often it has been launched, or 0 if there is no such session
if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
return redis.call("HINCRBY", KEYS[1], "launches", 1)
