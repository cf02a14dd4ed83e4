-- commit_move: a session is in another room from now on, and the room that it was in is free.
-- KEYS[1] session      hash     gets the room, the epoch and the brief of its claim there; its procedure is over
-- KEYS[2] events       stream
-- KEYS[3] alone        zset     session -> since when its bot is alone
-- KEYS[4] changed      zset     sessions that are to be kept for good
-- KEYS[5] user_bot     json     names the other room, unless it is of another session
-- KEYS[6] deadlines    zset     room -> deadline
-- KEYS[7] old_lease    json     removed, if it is this owner's at the session's epoch
-- KEYS[8] old_keepalive  json   removed with it
-- KEYS[9] old_epoch    string   raised, so that a beat that is still on its way registers nothing again
-- KEYS[10] lease       json     of the other room
-- KEYS[11] keepalive   json     of the other room
-- KEYS[12] last_session  string  of the other room
-- KEYS[13] told        stream   what happens to all sessions
-- KEYS[14...] carried  json     config and what is open, of the old room and then of the other: goes along; what the
--                               other room's config says already was asked for there, and holds
-- ARGV[1] epoch        string   the session's, before it
-- ARGV[2] new_epoch    string   of the claim; a session that has it already is there
-- ARGV[3] owner        string   who has adopted the claim, and has the old room; "" if the old room's claim is not adopted
-- ARGV[4] room         string   the other one
-- ARGV[5] starts_anew  integer  1 if another bot comes there, which adopts the claim; 0 if this one is there
-- ARGV[6] named        string   ",name,name,": what of the old room's config does not hold any more
-- ARGV[7] detail       string   for the history
-- ARGV[8] cap          integer  how many events a history keeps
-- ARGV[9] active_ms    integer  how long what is carried along lasts
-- ARGV[10] pending_ms  integer  how long the claim lasts, if another bot comes
-- ARGV[11] within_ms   integer  when the other room is looked at, should nobody be heard there
-- ARGV[12] epoch_ms    integer  how long the last epoch is remembered
-- ARGV[13] came_from_at_most  integer  how many rooms that it was in the record names
-- returns {"moved", fields...}, {"refused", state}, or {"missing"}
local session, old_lease_key, lease_key = KEYS[1], KEYS[7], KEYS[10]
local epoch, new_epoch, owner, starts_anew = ARGV[1], ARGV[2], ARGV[3], ARGV[5] == "1"
local now = redis.call("HMGET", session, "id", "state", "epoch", "room", "procedure")
if not now[1] then return {"missing"} end

local function record()
    local fields = redis.call("HGETALL", session)
    table.insert(fields, 1, "moved")
    return fields
end

if now[3] == new_epoch then return record() end
local refused = {"refused", now[2]}
if now[3] ~= epoch or now[2] == "ended" or now[2] == "leaving" or not now[5] then return refused end
local procedure = cjson.decode(now[5])
if procedure.kind ~= "move" or procedure.facts.epoch ~= new_epoch then return refused end

local held, claimed = redis.call("GET", old_lease_key), redis.call("GET", lease_key)
if not held or not claimed then return refused end
local old, lease = cjson.decode(held), cjson.decode(claimed)
local is_its_own = old.session_id == now[1] and old.epoch == epoch and not old.next
local is_unadopted = owner == "" and old.status == "pending"
if not is_its_own or not (is_unadopted or old.owner == owner) then return refused end
if lease.session_id ~= now[1] or lease.epoch ~= new_epoch then return refused end
if lease.status ~= "pending" and lease.owner ~= owner then return refused end
if lease.status == "pending" and not starts_anew then return refused end

local came_from = {}
for room in string.gmatch(redis.call("HGET", session, "came_from") or "", "[^,]+") do
    if room ~= now[4] then came_from[#came_from + 1] = room end
end
came_from[#came_from + 1] = now[4]
if #came_from > tonumber(ARGV[13]) then table.remove(came_from, 1) end

local now_ms = clock()
redis.call("HSET", session, "room", ARGV[4], "epoch", new_epoch, "brief", lease.brief, "updated_ms", now_ms,
    "came_from", table.concat(came_from, ","))
redis.call("HDEL", session, "procedure")
redis.call("HINCRBY", session, "version", 1)
redis.call("HSETNX", session, "alone_ms", now_ms) -- until somebody comes there
local moved = {"event", "moved", "epoch", new_epoch, "detail", ARGV[7]}
local line = redis.call("XADD", KEYS[2], "MAXLEN", "~", ARGV[8], "*", unpack(moved))
tell_line(KEYS[13], session, "moved", new_epoch, line, "", "")
if starts_anew then
    redis.call("HSET", session, "state", "pending", "launches", 1)
    line = redis.call("XADD", KEYS[2], "MAXLEN", "~", ARGV[8], "*", "event", "pending", "epoch", new_epoch)
    tell_line(KEYS[13], session, "pending", new_epoch, line, "", "")
    lease.status, lease.since, lease.asked, lease.lasts = "pending", now_ms, now_ms, tonumber(ARGV[10])
    for _, past in ipairs({"owner", "host", "job_id", "tries", "tried"}) do lease[past] = nil end
    redis.call("SET", lease_key, cjson.encode(lease), "PX", ARGV[10])
    redis.call("DEL", KEYS[11])
end
list_if_alone(KEYS[3], session)
has_changed(KEYS[4], session)

local known = redis.call("GET", KEYS[5])
local bot = known and cjson.decode(known)
if bot and bot.session_id == now[1] then
    local brief = cjson.decode(lease.brief)
    bot.room_url, bot.personality, bot.persona, bot.timestamp = ARGV[4], brief.personality, brief.persona, now_ms
    redis.call("SET", KEYS[5], cjson.encode(bot), "KEEPTTL")
end
redis.call("SET", KEYS[12], now[1], "PX", redis.call("PTTL", session))
redis.call("ZADD", KEYS[6], now_ms + tonumber(ARGV[11]), ARGV[4])

local things = (#KEYS - 13) / 2
for i = 14, 13 + things do
    local carried = redis.call("GET", KEYS[i])
    if carried and i == 14 then
        local config = cjson.decode(carried)
        for name in pairs(config) do
            if string.find(ARGV[6], "," .. name .. ",", 1, true) then config[name] = nil end
        end
        local there = redis.call("GET", KEYS[i + things])
        for name, fact in pairs(there and cjson.decode(there) or {}) do config[name] = fact end
        carried = next(config) and cjson.encode(config)
    end
    if carried then redis.call("SET", KEYS[i + things], carried, "PX", ARGV[9]) end
    redis.call("DEL", KEYS[i])
end
redis.call("DEL", old_lease_key, KEYS[8])
local last = math.max(tonumber(redis.call("GET", KEYS[9]) or "0"), tonumber(epoch) + 1)
redis.call("SET", KEYS[9], string.format("%.0f", last), "PX", ARGV[12])
return record()
