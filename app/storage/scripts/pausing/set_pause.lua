-- set_pause: write into a session's record that its bot is to be silent, or is to speak again.
-- KEYS[1] session  hash
-- KEYS[2] events   stream
-- KEYS[3] pauses   zset     session -> since when its pause is to be looked after; of all, so not in its slot
-- KEYS[4] changed  zset     sessions that are to be kept for good
-- KEYS[5] told     stream   what happens to all sessions
-- ARGV[1] pause    json     why it is paused, or "" to end its pause
-- ARGV[2] call     string   the session of the call that is why, or ""; such a pause changes none that was asked for,
--                           and its end changes none but that of the same call
-- ARGV[3] event    string
-- ARGV[4] detail   string
-- ARGV[5] cap      integer  how many events a history keeps
-- ARGV[6] is_known integer  1 if the pause is only listed again, and the record stays as it is
-- returns {"set" or "same", fields...}, {"over", state} once it leaves or has ended, or {"missing"}
local session, pause, call = KEYS[1], ARGV[1], ARGV[2]
local now = redis.call("HMGET", session, "id", "state", "epoch", "pause")
if not now[2] then return {"missing"} end
if now[2] == "leaving" or now[2] == "ended" then return {"over", now[2]} end
local before = now[4] or ""
local call_before = before ~= "" and cjson.decode(before).session_id or nil
local is_kept = before == pause or ARGV[6] == "1"
if call ~= "" and before ~= "" then
    is_kept = is_kept or (pause ~= "" and not call_before) or (pause == "" and call_before ~= call)
end
if not is_kept then
    if pause == "" then redis.call("HDEL", session, "pause") else redis.call("HSET", session, "pause", pause) end
    redis.call("HINCRBY", session, "version", 1)
    local line = redis.call("XADD", KEYS[2], "MAXLEN", "~", ARGV[5], "*",
        "event", ARGV[3], "epoch", now[3], "detail", ARGV[4])
    tell_line(KEYS[5], session, ARGV[3], now[3], line, "", "")
    has_changed(KEYS[4], session)
    redis.call("ZADD", KEYS[3], string.format("%.0f", (clock())), now[1])
elseif before ~= "" then
    redis.call("ZADD", KEYS[3], "NX", string.format("%.0f", (clock())), now[1])  -- Redis may have lost the list
end
local record = redis.call("HGETALL", session)
table.insert(record, 1, is_kept and "same" or "set")
return record
