-- retire: a worker says that it has gone.
-- KEYS[1] card   json  of the worker; goes
-- KEYS[2] hosts  zset  worker -> deadline
-- KEYS[3] free   hash  worker -> free slots
-- ARGV[1] id     string
-- returns nothing
redis.call("DEL", KEYS[1])
redis.call("ZREM", KEYS[2], ARGV[1])
redis.call("HDEL", KEYS[3], ARGV[1])
