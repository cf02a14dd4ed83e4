-- read_hosts: what the workers that live last said of themselves; the others are dropped.
-- KEYS[1] hosts  zset   worker -> deadline
-- KEYS[2] free   hash   worker -> free slots; a worker's go with it
-- KEYS[3] cards  json   a worker's, with "*" for its id
-- returns {id, card, id, card, ...}
local now_ms = clock()
for _, dead in ipairs(redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now_ms)) do redis.call("HDEL", KEYS[2], dead) end
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now_ms)
local found = {}
for _, id in ipairs(redis.call("ZRANGE", KEYS[1], 0, -1)) do
    local card_key = string.gsub(KEYS[3], "%*", function() return id end)
    local card = redis.call("GET", card_key)
    if card then found[#found + 1], found[#found + 2] = id, card end
end
return found
