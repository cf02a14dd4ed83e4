-- forget: an ended session is no longer one of those that are on, or wait.
-- KEYS[1] live     zset   session -> start
-- KEYS[2] waiting  zset   session -> since when
-- ARGV[1] session  string
-- returns nothing
redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("ZREM", KEYS[2], ARGV[1])
