-- set_call: a person is in a call, or has left it.
-- KEYS[1] user_call  json
-- ARGV[1] call       json     the call, or "" if they have left it
-- ARGV[2] session    string   whose call; one that they left does not take away another's that they are in by now
-- ARGV[3] ttl_ms     integer
-- returns nothing
if ARGV[1] ~= "" then
    redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[3])
else
    local known = redis.call("GET", KEYS[1])
    if known and cjson.decode(known).session_id == ARGV[2] then redis.call("DEL", KEYS[1]) end
end
