-- look: what is known about a room at one moment.
-- KEYS[1] lease      json
-- KEYS[2] keepalive  json
-- KEYS[3] config     json
-- returns {lease or "", age of the keepalive in ms or -1, keepalive or "", config or ""}
local beat = redis.call("GET", KEYS[2])
local age = -1
if beat then
    age = clock() - cjson.decode(beat).timestamp
end
return {redis.call("GET", KEYS[1]) or "", age, beat or "", redis.call("GET", KEYS[3]) or ""}
