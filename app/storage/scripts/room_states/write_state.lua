-- write_state: open or close things in a room, all at once.
-- KEYS[1] lease     json     must be the owner's, at this epoch
-- KEYS[2] session   hash     whose bot it is
-- KEYS[3] told      stream   what happens to all sessions
-- KEYS[4...] entries json     what is open, one key each
-- ARGV[1] owner     string
-- ARGV[2] epoch     string
-- ARGV[3] ttl_ms    integer
-- ARGV[4] opened    string   the names of what is open now, with commas, or ""
-- ARGV[5] closed    string   and of what is closed
-- ARGV[6...] values json     for each of those keys, or "" to close it
-- returns 1 if it was written, 0 if the room is another's by now
local held = redis.call("GET", KEYS[1])
if not held then return 0 end
local lease = cjson.decode(held)
if lease.owner ~= ARGV[1] or lease.epoch ~= ARGV[2] then return 0 end
for i = 4, #KEYS do
    local value = ARGV[i + 2]
    if value == "" then redis.call("DEL", KEYS[i]) else redis.call("SET", KEYS[i], value, "PX", ARGV[3]) end
end
tell(KEYS[3], KEYS[2], "room.state", ARGV[2], "", {"opened", ARGV[4], "closed", ARGV[5]})
return 1
