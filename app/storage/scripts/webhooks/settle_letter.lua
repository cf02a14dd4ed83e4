-- settle_letter: what became of a session's first letter.
-- KEYS[1] due       zset     session -> when its first letter is sent
-- KEYS[2] queue     list     of that session
-- KEYS[3] tries     hash     session -> how often its first letter was sent
-- KEYS[4] dead      hash     id -> json, of letters that nobody took for a day
-- ARGV[1] session   string
-- ARGV[2] letter    string   nothing happens if it is not the first any more
-- ARGV[3] again_ms  integer  when it is sent again, or 0 if it is done with
-- ARGV[4] id        string   of the letter, if it is dead, or ""
-- ARGV[5] epitaph   json     with what is known of it
-- ARGV[6] ttl_ms    integer  how long tries are counted
-- ARGV[7] kept_ms   integer  how long dead letters are kept
-- ARGV[8] cap       integer  how many
-- returns nothing
if redis.call("LINDEX", KEYS[2], 0) ~= ARGV[2] then return end
local now_ms, session = clock(), ARGV[1]
if ARGV[3] ~= "0" then
    redis.call("HINCRBY", KEYS[3], session, 1)
    redis.call("PEXPIRE", KEYS[3], ARGV[6])
    redis.call("ZADD", KEYS[1], now_ms + tonumber(ARGV[3]), session)
    return
end
redis.call("LPOP", KEYS[2])
redis.call("HDEL", KEYS[3], session)
if redis.call("LLEN", KEYS[2]) > 0 then redis.call("ZADD", KEYS[1], now_ms, session) else redis.call("ZREM", KEYS[1], session) end
if ARGV[4] ~= "" and redis.call("HLEN", KEYS[4]) < tonumber(ARGV[8]) then
    redis.call("HSET", KEYS[4], ARGV[4], ARGV[5])
    redis.call("PEXPIRE", KEYS[4], ARGV[7])
end
