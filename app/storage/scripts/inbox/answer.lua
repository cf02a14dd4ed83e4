-- answer: acknowledge a message with its result, and take it out of the inbox.
-- KEYS[1] inbox   stream
-- KEYS[2] answer  list     for whoever sent the message; one, and it stays until it lapses
-- ARGV[1] id      string   the message's
-- ARGV[2] result  json
-- ARGV[3] ttl_ms  integer  how long the answer waits to be read
-- returns nothing; a message that was answered before is left alone
if redis.call("XDEL", KEYS[1], ARGV[1]) == 1 then
    redis.call("RPUSH", KEYS[2], ARGV[2])
    redis.call("PEXPIRE", KEYS[2], ARGV[3])
end
