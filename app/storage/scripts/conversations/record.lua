-- record: add a turn to a conversation.
-- KEYS[1] session  hash     if it is there: refused to a bot of an earlier epoch
-- KEYS[2] turns    list     json each; the oldest go when there are too many
-- ARGV[1] epoch    string   whose turn it is to write
-- ARGV[2] id       string   of the turn; written twice it is one
-- ARGV[3] turn     json
-- ARGV[4] cap      integer  how many are kept
-- ARGV[5] ttl_ms   integer  how long they are kept from now
-- returns 1, or 0 if it was refused
local epoch = redis.call("HGET", KEYS[1], "epoch")
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 0 end
for _, written in ipairs(redis.call("LRANGE", KEYS[2], -10, -1)) do
    if cjson.decode(written).id == ARGV[2] then return 1 end
end
local time = redis.call("TIME")
local turn = cjson.decode(ARGV[3])
turn.at = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("RPUSH", KEYS[2], cjson.encode(turn))
redis.call("LTRIM", KEYS[2], -ARGV[4], -1)
redis.call("PEXPIRE", KEYS[2], ARGV[5])
return 1
