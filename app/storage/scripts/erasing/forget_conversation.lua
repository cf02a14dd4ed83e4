-- forget_conversation: nothing is known of a conversation any more.
-- KEYS[1] conversation  hash
-- KEYS[2] turns         zset
-- KEYS[3] outbox        list
-- KEYS[4] unstorable    list
-- KEYS[5] outboxes      zset    conversation -> when its last turn came; of all, so not in its slot
-- KEYS[6] with_some     zset    conversation -> when something of it was put aside; of all
-- ARGV[1] id            string  of the conversation
-- returns nothing
redis.call("DEL", KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call("ZREM", KEYS[5], ARGV[1])
redis.call("ZREM", KEYS[6], ARGV[1])
