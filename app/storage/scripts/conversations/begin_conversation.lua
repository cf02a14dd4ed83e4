-- begin_conversation: a session has another conversation from now on.
-- KEYS[1] session       hash     refused to a bot of an earlier epoch; where it is lost, its bot writes it again
-- KEYS[2] conversation  hash     whose it is
-- KEYS[3] changed       zset     sessions that are to be kept for good
-- ARGV[1] epoch         string   who asks
-- ARGV[2] id            string   of the conversation
-- ARGV[3] owner         string   the tenant and the person
-- ARGV[4] ttl_ms        integer  how long it is known without a turn
-- returns 1, or 0 if it was refused
local epoch = redis.call("HGET", KEYS[1], "epoch")
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 0 end
if epoch then
    redis.call("HSET", KEYS[1], "conversation_id", ARGV[2])
    has_changed(KEYS[3], KEYS[1])
end
redis.call("HSETNX", KEYS[2], "owner", ARGV[3])
redis.call("PEXPIRE", KEYS[2], ARGV[4])
return 1
