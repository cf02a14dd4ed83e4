-- claim_letters: take the first letters of the sessions whose time has come, for a while.
-- KEYS[1] due       zset     session -> when its first letter is sent
-- KEYS[2] queue     list     of a session, whose id takes the place of the *
-- KEYS[3] tries     hash     session -> how often its first letter was sent
-- ARGV[1] limit     integer
-- ARGV[2] while_ms  integer  then others may take them: whoever took them has died
-- returns {session, letter, tries, ...}
local now_ms = clock()
local found = {}
local due = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", string.format("%.0f", now_ms), "LIMIT", 0, ARGV[1])
for _, session in ipairs(due) do
    local queue = string.gsub(KEYS[2], "%*", function() return session end)
    local letter = redis.call("LINDEX", queue, 0)
    if letter then
        redis.call("ZADD", KEYS[1], now_ms + tonumber(ARGV[2]), session)
        found[#found + 1], found[#found + 2] = session, letter
        found[#found + 1] = redis.call("HGET", KEYS[3], session) or "0"
    else
        redis.call("ZREM", KEYS[1], session)
        redis.call("HDEL", KEYS[3], session)
    end
end
return found
