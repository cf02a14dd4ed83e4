-- beat: a bot says that it lives, and learns what it is asked; its lease is renewed, or registered again where Redis lost it.
-- KEYS[1] lease       json     renewed; written again if it is gone or older than this bot
-- KEYS[2] keepalive   json     timestamp in Redis's own time
-- KEYS[3] epoch       string   never below the epoch of a bot that lives
-- KEYS[4] deadlines   zset     when the room is looked at again; of all rooms, so not in their slot
-- KEYS[5] inbox       stream   the session's
-- KEYS[6] user_bot    json     renewed; of the user, so not in the room's slot
-- KEYS[7] session     hash     one that others have ended keeps no bot; of the session, so not in the room's slot
-- ARGV[1] owner       string   who beats
-- ARGV[2] epoch       string   of its adoption
-- ARGV[3] session_id  string
-- ARGV[4] state       string   of the session, for whoever reads the room
-- ARGV[5] active_ms   integer  how long both last unrenewed
-- ARGV[6] card        json     the lease, for the case that it is gone
-- ARGV[7] epoch_ms    integer  how long the last epoch is remembered
-- ARGV[8] room        string
-- ARGV[9] stale_ms    integer  the room is looked at if no further beat comes in this time
-- ARGV[10] after      string   the last message that was read
-- ARGV[11] user_bot   json     this session as its user's bot
-- ARGV[12] mind       json     how the bot's mind does, or "" if it does not say; kept as it is
-- returns {"kept" | "registered" | "superseded" (the room is another's, or the session is over), now in ms, the messages after the last one}
local lease_key, keepalive_key, epoch_key = KEYS[1], KEYS[2], KEYS[3]
local owner, epoch, active_ms = ARGV[1], ARGV[2], ARGV[5]
local now_ms = clock()

local function renew()
    if redis.call("HGET", KEYS[7], "state") == "ended" then return "superseded" end
    local outcome = "kept"
    local held = redis.call("GET", lease_key)
    local lease = held and cjson.decode(held)
    if lease and lease.epoch == epoch then
        if lease.owner ~= owner then return "superseded" end
        redis.call("PEXPIRE", lease_key, active_ms)
    else
        -- A later epoch was given: to whoever holds the room now, or to a reaper that freed it.
        local last = math.max(lease and tonumber(lease.epoch) or 0, tonumber(redis.call("GET", epoch_key) or "0"))
        if last > tonumber(epoch) then return "superseded" end
        redis.call("SET", lease_key, ARGV[6], "PX", active_ms)
        redis.call("SET", epoch_key, epoch, "PX", ARGV[7])
        outcome = "registered"
    end
    local beat = {timestamp = now_ms, session_id = ARGV[3], epoch = epoch, state = ARGV[4]}
    if ARGV[12] ~= "" then beat.mind = ARGV[12] end
    redis.call("SET", keepalive_key, cjson.encode(beat), "PX", active_ms)
    return outcome
end

-- A user's bot is that of their latest session: an older one does not take the entry from it.
local function renew_user_bot()
    local known, mine = redis.call("GET", KEYS[6]), cjson.decode(ARGV[11])
    local other = known and cjson.decode(known)
    if other and other.session_id ~= mine.session_id and tonumber(other.since) >= tonumber(mine.since) then return end
    mine.timestamp = now_ms
    redis.call("SET", KEYS[6], cjson.encode(mine), "PX", active_ms)
end

local outcome = renew()
if outcome ~= "superseded" then renew_user_bot() end
-- A superseded bot sets the deadline too: the reaper reads the lease before it acts.
redis.call("ZADD", KEYS[4], now_ms + tonumber(ARGV[9]), ARGV[8])
return {outcome, now_ms, redis.call("XRANGE", KEYS[5], "(" .. ARGV[10], "+")}
