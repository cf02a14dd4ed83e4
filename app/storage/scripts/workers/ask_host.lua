-- ask_host: want something of a worker, which learns of it with its next report.
-- KEYS[1] requested string
-- ARGV[1] requested string
-- ARGV[2] kept_ms  integer
-- returns nothing
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
