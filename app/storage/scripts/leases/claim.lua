-- claim: take a room that is free, or whose bot is dead.
-- KEYS[1] lease      json     becomes "pending"; asking twice with one token is one claim
-- KEYS[2] epoch      string   the last epoch given; only grows, through a wipe of Redis too
-- KEYS[3] keepalive  json     removed when a dead bot is taken over
-- KEYS[4] config     json     removed, unless the same session goes on: a new one starts with its own
-- KEYS[5] memory     string   how long this Redis has answered since it lost everything, and until when: two times in
--                             ms; "settled" once that was long enough; of all rooms, so not in their slot
-- KEYS[6] session    hash     the record of whose room it is, with "*" for its id
-- KEYS[7] waiting    zset     session -> since when it waits for a slot
-- KEYS[8] hosts      zset     host -> deadline
-- KEYS[9] free       hash     host -> free slots
-- KEYS[10] user_bot  json     the bot that the claimer's user has, in whatever room
-- KEYS[11...] state  json     what is open in the room: removed with the config
-- ARGV[1] token      string   who asks
-- ARGV[2] card       json     session_id, and the brief as a string: what the lease tells others
-- ARGV[3] pending_ms integer  how long the claim lasts unadopted
-- ARGV[4] stale_ms   integer  a bot that was not heard for longer is doubted
-- ARGV[5] doubt_ms   integer  a doubted bot that is not heard for so long is dead
-- ARGV[6] keeps_ms   integer  an older doubt does not count: Redis may have been away since
-- ARGV[7] settle_ms  integer  a Redis that lost everything gives no room away until it has answered for so long
-- ARGV[8] silent_ms  integer  a longer time without a claim or a report is an outage, and the count begins again
-- ARGV[9] look_ms    integer  the longest wait that a caller is told before it asks again
-- ARGV[10] epoch_ms  integer  how long the last epoch is remembered
-- ARGV[11] above     string   the epoch of a session that moves here, or "0": then it may be one that was here
-- returns {"claimed", epoch, session, session taken over or "", session of the bot that the user has elsewhere or ""}
--      or {"held", lease, age in ms or -1 while it is starting, state of its session by its bot's last beat, {state,
--          conversation, room, procedure} by its record, and while it is starting: how many are ahead of it in line or -1, how many wait, free slots}
--      or {"wait", ms}: nobody can tell yet
local lease_key, epoch_key, keepalive_key, config_key, memory_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, pending_ms, stale_ms, doubt_ms = ARGV[1], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local now_ms = clock()
local claim = cjson.decode(ARGV[2])
local took_over, goes_on = "", false

local function recorded(lease)
    local session_key = string.gsub(KEYS[6], "%*", function() return lease.session_id end)
    return redis.call("HMGET", session_key, "state", "conversation_id", "room", "procedure")
end

local function elsewhere(session_id)
    local known = redis.call("GET", KEYS[10])
    local bot = known and cjson.decode(known)
    local is_elsewhere = bot and bot.session_id ~= session_id and bot.room_url ~= string.match(lease_key, "{(.*)}")
    return is_elsewhere and bot.session_id or ""
end

local held = redis.call("GET", lease_key)
if held then
    local lease = cjson.decode(held)
    if lease.token == token then
        return {"claimed", lease.epoch, lease.session_id, lease.took_over or "", elsewhere(lease.session_id)}
    end
    if lease.status == "pending" then
        lease.asked = now_ms
        redis.call("SET", lease_key, cjson.encode(lease), "KEEPTTL")
        local ahead = redis.call("ZRANK", KEYS[7], lease.session_id) or -1
        local waiting, free = redis.call("ZCARD", KEYS[7]), free_slots(KEYS[8], KEYS[9], now_ms)
        return {"held", held, -1, "pending", recorded(lease), ahead, waiting, free}
    end
    local heard = redis.call("GET", keepalive_key)
    local beat = heard and cjson.decode(heard)
    local age = beat and now_ms - beat.timestamp or stale_ms + 1
    -- A beat in the future was written before the clock was set back: nobody knows its age.
    if math.abs(age) <= stale_ms then return {"held", held, math.max(age, 0), beat.state, recorded(lease)} end
    local left = left_of_doubt(lease_key, lease, beat and beat.timestamp or 0, doubt_ms, tonumber(ARGV[6]))
    if left > 0 then return {"wait", left} end
    -- A lease without a brief was written by another version of us.
    local theirs, ours = lease.brief and cjson.decode(lease.brief) or {}, cjson.decode(claim.brief)
    goes_on = theirs.user_id == ours.user_id and theirs.bot == ours.bot and ARGV[11] == "0"
    if goes_on then
        claim.session_id, claim.brief = lease.session_id, lease.brief
    else
        took_over = lease.session_id
    end
else
    local left = left_to_settle(memory_key, tonumber(ARGV[7]), tonumber(ARGV[8]))
    if left > 0 then return {"wait", math.min(left, ARGV[9])} end
end

local epoch = next_epoch(epoch_key, ARGV[11], ARGV[10])
claim.status, claim.token, claim.epoch, claim.since, claim.asked = "pending", token, epoch, now_ms, now_ms
claim.took_over, claim.lasts = took_over, tonumber(pending_ms)
redis.call("SET", lease_key, cjson.encode(claim), "PX", pending_ms)
redis.call("DEL", keepalive_key)
if not goes_on then redis.call("DEL", config_key, unpack(KEYS, 11)) end
return {"claimed", epoch, claim.session_id, took_over, elsewhere(claim.session_id)}
