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

-- Let a stream of events end with what has come now, and begin with the last day of it, or less if that is very much.
local function keep_a_day(stream_key)
    local now_ms = clock()
    redis.call("XTRIM", stream_key, "MINID", "~", string.format("%.0f", now_ms - 86400000))
    redis.call("PEXPIRE", stream_key, 90000000)
end

-- Tell those who listen to everything what has happened to a session, in the step in which it happens.  `history` is the id
-- of its line in the session's history, or "".  A session without a record is not told of: its bot writes it again soon.
local function tell(told_key, session_key, event, epoch, history, facts)
    local about = redis.call("HMGET", session_key, "id", "room", "tenant", "user")
    if not about[1] then return end
    local sequence = redis.call("HINCRBY", session_key, "told", 1)
    redis.call("XADD", told_key, "MAXLEN", "~", 50000, "*", "type", event, "session", about[1], "room", about[2] or "",
        "tenant", about[3] or "", "user", about[4] or "", "epoch", epoch, "sequence", sequence, "history", history,
        unpack(facts))
    keep_a_day(told_key)
end

-- The same of a line that has just come into a session's history.  A session is heard from its first `live` to its end.
local function tell_line(told_key, session_key, event, epoch, history, reason, person)
    local names = {person_arrived = "participant.joined", person_left = "participant.left"}
    local facts, now_ms = {}, clock()
    if reason ~= "" then facts = {"reason", reason} end
    if person ~= "" then facts[#facts + 1], facts[#facts + 2] = "person", person end
    tell(told_key, session_key, names[event] or "session." .. event, epoch, history, facts)
    if event == "live" and redis.call("HSETNX", session_key, "heard_ms", now_ms) == 1 then
        tell(told_key, session_key, "voice.session.start", epoch, "", {})
    elseif event == "lost" or (event == "ended" and reason == "error") then
        tell(told_key, session_key, "voice.error", epoch, "", {"kind", reason})
    elseif event == "service_failed" then
        tell(told_key, session_key, "voice.error", epoch, "", {"kind", event})
    end
    local heard_ms = event == "ended" and redis.call("HGET", session_key, "heard_ms")
    if heard_ms then
        local lasted = string.format("%.0f", now_ms - heard_ms)
        tell(told_key, session_key, "voice.session.end", epoch, "", {"reason", reason, "duration_ms", lasted})
    end
end


-- Tell of what is heard in a session's room, for those who listen meanwhile: nobody misses what is gone from here.
local function hear(heard_key, session_key, event, epoch, sequence, facts)
    local about = redis.call("HMGET", session_key, "id", "room", "tenant", "user")
    if not about[1] then return end
    redis.call("XADD", heard_key, "MAXLEN", "~", 10000, "*", "type", event, "session", about[1], "room", about[2] or "",
        "tenant", about[3] or "", "user", about[4] or "", "epoch", epoch, "sequence", sequence, unpack(facts))
    keep_a_day(heard_key)
end

