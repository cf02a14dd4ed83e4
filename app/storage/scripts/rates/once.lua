-- once: whether this is the first time of something in so long; only then a message goes into a queue.
-- KEYS[1] once    string   created
-- KEYS[2...] queue list   Celery's; one, or none
-- ARGV[1] ttl_ms  integer  how long nothing of the kind happens again
-- ARGV[2] message string   for the queue
-- returns 1, or 0 if it was there
if not redis.call("SET", KEYS[1], "1", "NX", "PX", ARGV[1]) then return 0 end
if KEYS[2] then redis.call("LPUSH", KEYS[2], ARGV[2]) end
return 1
