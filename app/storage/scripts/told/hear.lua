-- hear: tell of what is heard in a session's room.
-- KEYS[1] session  hash     refused to a bot of an earlier epoch; a session without a record is not told of
-- KEYS[2] heard    stream   what is heard in all sessions
-- ARGV[1] epoch    string   who says so
-- ARGV[2] events   json     of strings: type, sequence, and the facts as a list of names and values
-- returns nothing
local epoch = redis.call("HGET", KEYS[1], "epoch")
if not epoch or tonumber(epoch) > tonumber(ARGV[1]) then return end
for _, each in ipairs(cjson.decode(ARGV[2])) do
    hear(KEYS[2], KEYS[1], each.type, ARGV[1], each.sequence, each.facts)
end
