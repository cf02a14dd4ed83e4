-- forget_words: what one person said, or was told, in a conversation of somebody else's is not known any more.
-- KEYS[1] turns       zset    json each, by sequence
-- KEYS[2] outbox      list    the same json
-- KEYS[3] unstorable  list    the same json
-- ARGV[1] person      string
-- returns nothing
local function is_theirs(entry)
    local is_read, turn = pcall(cjson.decode, entry)
    return is_read and type(turn) == "table" and turn.person == ARGV[1]
end
for _, entry in ipairs(redis.call("ZRANGE", KEYS[1], 0, -1)) do
    if is_theirs(entry) then redis.call("ZREM", KEYS[1], entry) end
end
for at = 2, 3 do
    for _, entry in ipairs(redis.call("LRANGE", KEYS[at], 0, -1)) do
        if is_theirs(entry) then redis.call("LREM", KEYS[at], 0, entry) end
    end
end
