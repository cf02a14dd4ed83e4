-- open_voice_room: note that a user's voice room is asked for; one that would soon end is renewed.
-- KEYS[1] voice_rooms   hash     room -> json: created, active, expires; expires with the last of them
-- ARGV[1] room          string
-- ARGV[2] lasts_ms      integer  how long a room lasts
-- ARGV[3] renewed_ms    integer  a room that ends sooner than this is renewed
-- returns {created_ms, when it was last asked for before, expires_ms, 1 if it is new}
local now_ms = clock()
local found = redis.call("HGET", KEYS[1], ARGV[1])
local room = found and cjson.decode(found)
local is_new = not room or room.expires <= now_ms
if is_new then room = {created = now_ms, active = now_ms, expires = now_ms + ARGV[2]} end
local active = room.active
room.active = now_ms
if room.expires - now_ms < tonumber(ARGV[3]) then room.expires = now_ms + ARGV[2] end
redis.call("HSET", KEYS[1], ARGV[1], cjson.encode(room))
local left = redis.call("PTTL", KEYS[1])
redis.call("PEXPIRE", KEYS[1], string.format("%.0f", math.max(left, room.expires - now_ms)))
return {room.created, active, room.expires, is_new and 1 or 0}
