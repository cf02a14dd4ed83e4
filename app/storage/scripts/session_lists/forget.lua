-- forget: an ended session is no longer one of those that are on, wait, or are alone, nor its user's bot.
-- KEYS[1] live         zset  session -> start
-- KEYS[2] waiting      zset  session -> since when
-- KEYS[3] alone        zset  session -> since when
-- KEYS[4...] user_bot  json  if the user is known; a later session's entry stays
-- ARGV[1] session      string
-- returns nothing
redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("ZREM", KEYS[2], ARGV[1])
redis.call("ZREM", KEYS[3], ARGV[1])
local known = KEYS[4] and redis.call("GET", KEYS[4])
if known and cjson.decode(known).session_id == ARGV[1] then redis.call("DEL", KEYS[4]) end
