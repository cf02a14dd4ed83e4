-- once: tell whether something happens for the first time within a period; if so, a message goes into a queue.
-- KEYS[1] once    string   created
-- KEYS[2...] queue list   Celery's; one, or none
-- ARGV[1] ttl_ms  integer  the period
-- ARGV[2] message string   for the queue
-- returns 1 the first time, else 0
if not redis.call("SET", KEYS[1], "1", "NX", "PX", ARGV[1]) then return 0 end
if KEYS[2] then redis.call("LPUSH", KEYS[2], ARGV[2]) end
return 1
