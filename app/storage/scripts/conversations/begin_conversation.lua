-- begin_conversation: a session has another conversation from now on.
-- KEYS[1] session       hash     refused to a bot of an earlier epoch; where it is lost, its bot writes it again
-- KEYS[2] conversation  hash     whose it is; with a brief, another's is refused
-- KEYS[3] changed       zset     sessions that are to be kept for good
-- ARGV[1] epoch         string   who asks
-- ARGV[2] id            string   of the conversation
-- ARGV[3] owner         string   the tenant and the person
-- ARGV[4] ttl_ms        integer  how long it is known without a turn
-- ARGV[5] brief         json     what the session was asked for, if that shall name this conversation, or ""
-- returns 1, or 0 if it was refused
local epoch = redis.call("HGET", KEYS[1], "epoch")
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 0 end
local owner = redis.call("HGET", KEYS[2], "owner")
if ARGV[5] ~= "" and owner and owner ~= ARGV[3] then return 0 end
if epoch then
    redis.call("HSET", KEYS[1], "conversation_id", ARGV[2])
    if ARGV[5] ~= "" then redis.call("HSET", KEYS[1], "brief", ARGV[5]) end
    has_changed(KEYS[3], KEYS[1])
end
redis.call("HSETNX", KEYS[2], "owner", ARGV[3])
redis.call("PEXPIRE", KEYS[2], ARGV[4])
return 1
