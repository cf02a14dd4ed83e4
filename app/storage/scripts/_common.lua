-- What several scripts do: this is put before each of them.

-- Redis's own time, in ms and in us.
local function clock()
    local time = redis.call("TIME")
    return time[1] * 1000 + math.floor(time[2] / 1000), time[1] * 1000000 + time[2]
end

-- Whoever keeps sessions for good looks at this one again.  While nobody does, the longest unchanged go.
local function has_changed(changed_key, session_key)
    local _, now_us = clock()
    redis.call("ZADD", changed_key, string.format("%.0f", now_us), string.match(session_key, "{(.*)}"))
    redis.call("ZREMRANGEBYRANK", changed_key, 0, -100001)
end

-- How many bots the workers that live could start now.
local function free_slots(hosts_key, free_key, now_ms)
    local free = 0
    for _, host in ipairs(redis.call("ZRANGEBYSCORE", hosts_key, "(" .. string.format("%.0f", now_ms), "+inf")) do
        free = free + (tonumber(redis.call("HGET", free_key, host)) or 0)
    end
    return free
end

-- The next epoch of a room: above all that were given, through a wipe of Redis too.
-- Epochs travel as strings: cjson writes numbers with 14 digits, and these have 16.
local function next_epoch(epoch_key, present, epoch_ms)
    local _, now_us = clock()
    local last = math.max(tonumber(present), tonumber(redis.call("GET", epoch_key) or "0"))
    local epoch = string.format("%.0f", math.max(last + 1, now_us))
    redis.call("SET", epoch_key, epoch, "PX", epoch_ms)
    return epoch
end

-- How many ms longer the silent bot of a lease has before it counts as dead.  Raises the doubt where none counts.
local function left_of_doubt(lease_key, lease, heard_ms, doubt_ms, keeps_ms)
    local now_ms = clock()
    local doubted_for = lease.doubted and now_ms - lease.doubted or -1
    local is_over = doubted_for < 0 or doubted_for > keeps_ms
    if is_over or (heard_ms <= now_ms and lease.doubted < heard_ms) then
        lease.doubted = now_ms
        redis.call("SET", lease_key, cjson.encode(lease), "KEEPTTL")
        return doubt_ms
    end
    return math.max(doubt_ms - doubted_for, 0)
end

-- How many ms until a Redis that has lost everything gives rooms away.  Only time in which it answered counts: bots that
-- live register again in that time, and cannot while Redis is away.
local function left_to_settle(memory_key, settle_ms, silent_ms)
    local now_ms = clock()
    local counted, seen = string.match(redis.call("GET", memory_key) or "0 " .. now_ms, "^(%d+) (%d+)$")
    if not counted then return 0 end
    local passed = now_ms - seen
    counted = (passed < 0 or passed > silent_ms) and 0 or counted + passed
    local left = settle_ms - counted
    redis.call("SET", memory_key, left > 0 and string.format("%.0f %.0f", counted, now_ms) or "settled")
    return math.max(left, 0)
end

-- Keep a session on the list of those whose bots are alone, from its record: it is on stage, and nobody is with it.
local function list_if_alone(alone_key, session_key)
    local now = redis.call("HMGET", session_key, "id", "state", "alone_ms")
    local on_stage = now[2] == "live" or now[2] == "paused" or now[2] == "waiting" or now[2] == "transitioning"
    if on_stage and now[3] then
        redis.call("ZADD", alone_key, now[3], now[1])
    else
        redis.call("ZREM", alone_key, now[1])
    end
end

