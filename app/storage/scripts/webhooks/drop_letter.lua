-- drop_letter: forget a dead letter.
-- KEYS[1] dead  hash    id -> json
-- ARGV[1] id    string
-- returns 1, or 0 if there is none of that id
return redis.call("HDEL", KEYS[1], ARGV[1])
