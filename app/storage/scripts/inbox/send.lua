-- send: put a message in a session's inbox.
-- KEYS[1] inbox        stream
-- KEYS[2] sent         string   the message's id, for whoever has to send it twice
-- ARGV[1] cap          integer  a fuller inbox takes no more
-- ARGV[2] ttl_ms       integer  how long the inbox lasts from now
-- ARGV[3] good_for_ms  integer  after that the message has expired
-- ARGV[4] kind         string
-- ARGV[5] epoch        string
-- ARGV[6] body         json
-- ARGV[7] sent_ms      integer  how long the sending is remembered
-- returns the message's id, or "" if the inbox is full
local sent = redis.call("GET", KEYS[2])
if sent then return sent end
if redis.call("XLEN", KEYS[1]) >= tonumber(ARGV[1]) then return "" end
local expires = clock() + tonumber(ARGV[3])
local id = redis.call("XADD", KEYS[1], "*",
    "kind", ARGV[4], "epoch", ARGV[5], "body", ARGV[6], "expires", string.format("%.0f", expires))
redis.call("PEXPIRE", KEYS[1], ARGV[2])
redis.call("SET", KEYS[2], id, "PX", ARGV[7])
return id
