-- push: put a session's launch at the end of the line, or in front.
-- KEYS[1] queue     list     Celery's, which takes from the right
-- KEYS[2] waiting   zset     session -> since when; one that is there keeps its place
-- ARGV[1] message   string
-- ARGV[2] session   string
-- ARGV[3] in_front  integer  ms: how much earlier than now it came, as far as places go; 0 for the end of the line
-- returns nothing
local since = clock() - tonumber(ARGV[3])
redis.call(ARGV[3] == "0" and "LPUSH" or "RPUSH", KEYS[1], ARGV[1])
redis.call("ZADD", KEYS[2], "NX", since, ARGV[2])
