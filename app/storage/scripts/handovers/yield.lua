-- yield: a bot gives its room to its successor, who is ready.
-- KEYS[1] lease      json     from "handing_over" to "active", the successor's
-- KEYS[2] keepalive  json     the successor's first beat
-- ARGV[1] owner      string   who yields; asking twice gets the same answer
-- ARGV[2] epoch      string   of its adoption
-- ARGV[3] state      string   of the session, which stays
-- ARGV[4] active_ms  integer  how long the lease lasts unrenewed
-- returns the successor's epoch, or "" if the room is not the asker's, or nobody is ready
local held = redis.call("GET", KEYS[1])
if not held then return "" end
local lease = cjson.decode(held)
local successor, from = lease.next, ARGV[1] .. "@" .. ARGV[2]
if lease.yielded == from then return lease.epoch end
if lease.owner ~= ARGV[1] or lease.epoch ~= ARGV[2] or not (successor and successor.ready) then return "" end
local now_ms = clock()
lease.status, lease.epoch, lease.owner, lease.token = "active", successor.epoch, successor.owner, successor.token
lease.host, lease.job_id, lease.next, lease.yielded = successor.host, successor.job_id, nil, from
redis.call("SET", KEYS[1], cjson.encode(lease), "PX", ARGV[4])
local beat = {timestamp = now_ms, session_id = lease.session_id, epoch = lease.epoch, state = ARGV[3]}
redis.call("SET", KEYS[2], cjson.encode(beat), "PX", ARGV[4])
return lease.epoch
