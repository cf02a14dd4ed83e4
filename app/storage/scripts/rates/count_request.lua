-- count_request: count a request for each of those it is from, unless one of them has made too many.
-- KEYS[1...] requests   string   how many each has made; expires a window after the first
-- ARGV[1]    window_ms  integer
-- ARGV[2...] at_most    integer  how many each may make in a window
-- returns 0, or how long, in ms, until the first of them who has made too many may make another
for i = 1, #KEYS do
    local made = redis.call("INCR", KEYS[i])
    if made == 1 then redis.call("PEXPIRE", KEYS[i], ARGV[1]) end
    if made > tonumber(ARGV[i + 1]) then return math.max(1, redis.call("PTTL", KEYS[i])) end
end
return 0
