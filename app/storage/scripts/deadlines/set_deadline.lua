-- set_deadline: say when something must be looked at again.
-- KEYS[1] deadlines  zset     member -> deadline in ms of Redis's own time
-- ARGV[1] member     string
-- ARGV[2] within_ms  integer  from now
-- ARGV[3] only_new   0 or 1   leave a deadline that is there
-- returns nothing
local deadline = clock() + tonumber(ARGV[2])
if ARGV[3] == "1" then
    redis.call("ZADD", KEYS[1], "NX", deadline, ARGV[1])
else
    redis.call("ZADD", KEYS[1], deadline, ARGV[1])
end
