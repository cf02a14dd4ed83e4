-- tell_reaped: say to whoever asked for a reaping what came of it; said twice, it is said once.
-- KEYS[1] reaped  list     one account, and it stays until it lapses
-- ARGV[1] told    json
-- ARGV[2] ttl_ms  integer  how long it waits to be read
-- returns nothing
redis.call("DEL", KEYS[1])
redis.call("RPUSH", KEYS[1], ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
