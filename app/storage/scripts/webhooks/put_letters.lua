-- put_letters: put what was told into the queues of a receiver of webhooks, one a session, and remember up to where.
-- KEYS[1] cursor   string   up to where in the stream of what is told this receiver's queues go
-- KEYS[2] due      zset     session -> when its first letter is sent
-- KEYS[3] queue    list     of a session, whose id takes the place of the *
-- KEYS[4] dropped  string   how many had no room
-- KEYS[5] gaps     string   how often events were gone before they came here
-- ARGV[1] before   string   where the cursor stands, or "": somebody else has put these there if it stands elsewhere
-- ARGV[2] upto     string
-- ARGV[3] ttl_ms   integer  how long a letter is tried
-- ARGV[4] kept_ms  integer  how long the cursor is remembered
-- ARGV[5] cap      integer  how many sessions may have a queue, and letters a queue
-- ARGV[6] after_gap  integer  1 if events before these are gone
-- ARGV[7...] letters        session, letter, ...
-- returns 1, or 0 if it was refused
if (redis.call("GET", KEYS[1]) or "") ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[4])
if ARGV[6] == "1" then
    redis.call("INCR", KEYS[5])
    redis.call("PEXPIRE", KEYS[5], ARGV[4])
end
local now_ms = clock()
for i = 7, #ARGV, 2 do
    local session, letter = ARGV[i], ARGV[i + 1]
    local queue = string.gsub(KEYS[3], "%*", function() return session end)
    local has_place = redis.call("ZSCORE", KEYS[2], session) or redis.call("ZCARD", KEYS[2]) < tonumber(ARGV[5])
    if has_place and redis.call("LLEN", queue) < tonumber(ARGV[5]) then
        redis.call("RPUSH", queue, letter)
        redis.call("PEXPIRE", queue, ARGV[3])
        redis.call("ZADD", KEYS[2], "NX", now_ms, session)
    else
        redis.call("INCR", KEYS[4])
        redis.call("PEXPIRE", KEYS[4], ARGV[4])
    end
end
redis.call("PEXPIRE", KEYS[2], ARGV[3])
return 1
