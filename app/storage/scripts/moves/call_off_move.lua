-- call_off_move: a session stays in the room that it is in, and the claim of the other one is withdrawn.
-- KEYS[1] session    hash     its procedure is over, if it is this move
-- KEYS[2] events     stream
-- KEYS[3] changed    zset     sessions that are to be kept for good
-- KEYS[4] lease      json     of the other room: removed, if it is that claim, unless the session has moved there
-- KEYS[5] epoch      string   of the other room: raised, so that nothing of the claim is written any more
-- KEYS[6] told       stream   what happens to all sessions
-- KEYS[7...] things           keepalive, config and what is open there: removed with the lease
-- ARGV[1] session_id string
-- ARGV[2] epoch      string   of the claim
-- ARGV[3] kind       string   why, for machines
-- ARGV[4] detail     string   why, for people
-- ARGV[5] cap        integer  how many events a history keeps
-- ARGV[6] epoch_ms   integer  how long the last epoch is remembered
-- returns 1 if the session was in that move, and is not any more; else 0
local now = redis.call("HMGET", KEYS[1], "epoch", "procedure")
if now[1] == ARGV[2] then return 0 end
local procedure = now[2] and cjson.decode(now[2])
local is_this = procedure and procedure.kind == "move" and procedure.facts.epoch == ARGV[2]
if is_this then
    redis.call("HDEL", KEYS[1], "procedure")
    local line = redis.call("XADD", KEYS[2], "MAXLEN", "~", ARGV[5], "*",
        "event", "move_failed", "epoch", now[1], "reason", ARGV[3], "detail", ARGV[4])
    tell_line(KEYS[6], KEYS[1], "move_failed", now[1], line, ARGV[3], "")
    has_changed(KEYS[3], KEYS[1])
end
local held = redis.call("GET", KEYS[4])
local lease = held and cjson.decode(held)
if lease and lease.session_id == ARGV[1] and lease.epoch == ARGV[2] then
    local last = math.max(tonumber(redis.call("GET", KEYS[5]) or "0"), tonumber(ARGV[2]) + 1)
    redis.call("SET", KEYS[5], string.format("%.0f", last), "PX", ARGV[6])
    redis.call("DEL", KEYS[4], unpack(KEYS, 7))
end
return is_this and 1 or 0
