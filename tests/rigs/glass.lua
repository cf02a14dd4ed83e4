-- glass: everything that is in a Redis, after its time has been moved on.
-- ARGV[1] by_ms    integer  how much older everything is made; what lives shorter than that is gone
-- returns {seconds, microseconds, keys without a lifetime, pairs of a key and what it holds}
local by = tonumber(ARGV[1])
local found, endless = {}, {}

local function earlier(card, ...)
    for _, name in ipairs({...}) do
        if card[name] then card[name] = card[name] - by end
    end
    return card
end

-- The moment in an id of a history is when that happened; ids of inboxes only say what was read.
local function dated_back(id)
    local ms, sequence = string.match(id, "^(%d+)-(%d+)$")
    return string.format("%.0f-%s", math.max(tonumber(ms) - by, 0), sequence)
end

local function date_back(key, new_id)
    local entries, left = redis.call("XRANGE", key, "-", "+"), redis.call("PTTL", key)
    if #entries == 0 then return end
    local last = redis.call("XINFO", "STREAM", key)
    redis.call("DEL", key)
    for _, entry in ipairs(entries) do
        for at = 1, #entry[2], 2 do
            if entry[2][at] == "expires" then
                entry[2][at + 1] = string.format("%.0f", tonumber(entry[2][at + 1]) - by)
            end
        end
        redis.call("XADD", key, new_id(entry[1]), unpack(entry[2]))
    end
    for at = 1, #last, 2 do
        if last[at] == "last-generated-id" then redis.call("XSETID", key, new_id(last[at + 1])) end
    end
    redis.call("PEXPIRE", key, left)
end

for _, key in ipairs(redis.call("KEYS", "*")) do
    local kind = redis.call("TYPE", key).ok
    local left = redis.call("PTTL", key)
    if left > 0 and left <= by then
        redis.call("DEL", key)
        kind = "none"
    end
    if by ~= 0 then
        if kind == "zset" and key ~= "sessions:live" and not key:find(":turns$") then  -- those have sequences, not times
            local members = redis.call("ZRANGE", key, 0, -1, "WITHSCORES")
            for at = 1, #members, 2 do
                redis.call("ZADD", key, string.format("%.0f", tonumber(members[at + 1]) - by), members[at])
            end
        elseif kind == "string" and (key:find("^room_keepalive:") or key:find("^room_active:")) then
            local card = cjson.decode(redis.call("GET", key))
            redis.call("SET", key, cjson.encode(earlier(card, "timestamp", "since", "asked", "tried", "doubted")), "KEEPTTL")
        elseif key == "memory" then
            local counted, seen = string.match(redis.call("GET", key), "^(%d+) (%d+)$")
            if counted then redis.call("SET", key, string.format("%s %.0f", counted, seen - by)) end
        elseif kind == "string" and (key == "launches:served" or key:find("^room_emptied:")) then
            redis.call("SET", key, string.format("%.0f", tonumber(redis.call("GET", key)) - by), "KEEPTTL")
        elseif kind == "stream" and key:find(":inbox$") then
            date_back(key, function(id) return id end)
        elseif kind == "stream" and key:find("^session:.*:events$") then
            date_back(key, dated_back)
        elseif kind == "hash" and key:find("^voice_rooms:") then
            for _, room in ipairs(redis.call("HKEYS", key)) do
                local known = cjson.decode(redis.call("HGET", key, room))
                redis.call("HSET", key, room, cjson.encode(earlier(known, "created", "active", "expires")))
            end
        elseif kind == "hash" and key:find("^session:") then
            redis.call("HINCRBY", key, "created_ms", -by)
            redis.call("HINCRBY", key, "updated_ms", -by)
            if redis.call("HEXISTS", key, "alone_ms") == 1 then redis.call("HINCRBY", key, "alone_ms", -by) end
            local leave = redis.call("HGET", key, "leave")
            if leave then redis.call("HSET", key, "leave", cjson.encode(earlier(cjson.decode(leave), "at_ms"))) end
            local crashes = redis.call("HGET", key, "crashes")
            if crashes and crashes ~= "" then
                redis.call("HSET", key, "crashes", (crashes:gsub("%d+", function(at)
                    return string.format("%.0f", at - by)
                end)))
            end
        end
        if kind ~= "none" and left > by then redis.call("PEXPIRE", key, left - by) end
    end
    if kind ~= "none" then
        if left < 0 then endless[#endless + 1] = key end
        local held = false
        if kind == "string" then held = redis.call("GET", key)
        elseif kind == "hash" then held = redis.call("HGETALL", key)
        elseif kind == "zset" then held = redis.call("ZRANGE", key, 0, -1)
        elseif kind == "list" and key:find("^conversation:") then held = redis.call("LRANGE", key, 0, -1)
        elseif kind == "stream" and key:find(":inbox$") then held = redis.call("XRANGE", key, "-", "+")
        end
        if held then
            found[#found + 1] = key
            found[#found + 1] = held
        end
    end
end
local time = redis.call("TIME")
return {time[1], time[2], endless, found}
