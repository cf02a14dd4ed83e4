-- claim_period: whether a process does a periodic piece of work this time; one of many does.
-- KEYS[1] period   string   there while the work is somebody's
-- KEYS[2] came     string   its age is how long ago somebody last came for the work
-- ARGV[1] lasts_ms integer  how long the period lasts
-- ARGV[2] kept_ms  integer  how long it is remembered that somebody came
-- returns 1 if the period is the asker's, else 0
redis.call("SET", KEYS[2], "1", "PX", ARGV[2])
return redis.call("SET", KEYS[1], "1", "NX", "PX", ARGV[1]) and 1 or 0
