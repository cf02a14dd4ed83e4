-- note_emptied: no person is in a room.
-- KEYS[1] emptied  string   since when
-- ARGV[1] at_ms    integer
-- ARGV[2] kept_ms  integer
-- returns nothing
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
