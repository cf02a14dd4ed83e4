-- write_config: change some of the configuration of the bot in a room.
-- KEYS[1] lease    json     must be at this epoch
-- KEYS[2] config   json     the changes are laid over it
-- ARGV[1] epoch    string
-- ARGV[2] changes  json     an object; null takes a setting back
-- ARGV[3] ttl_ms   integer
-- returns 1 if it was written, 0 if the room is at another epoch by now
local held = redis.call("GET", KEYS[1])
if not held or cjson.decode(held).epoch ~= ARGV[1] then return 0 end
local config = cjson.decode(redis.call("GET", KEYS[2]) or "{}")
for name, value in pairs(cjson.decode(ARGV[2])) do
    if value == cjson.null then config[name] = nil else config[name] = value end
end
if next(config) == nil then
    redis.call("DEL", KEYS[2])
else
    redis.call("SET", KEYS[2], cjson.encode(config), "PX", ARGV[3])
end
return 1
