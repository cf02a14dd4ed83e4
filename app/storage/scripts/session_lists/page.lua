-- page: some members of a set that is ordered by time, the earliest first.
-- KEYS[1] live    zset
-- ARGV[1] since   integer  when the last one of the page before was put in, or "-inf"
-- ARGV[2] member  string   that one, which may have gone by now, or ""
-- ARGV[3] limit   integer
-- returns {where to go on, as "since-member", or "" if there is no more; members...}
local since, last, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local ties = redis.call("ZCOUNT", KEYS[1], since, since)
local found = redis.call("ZRANGEBYSCORE", KEYS[1], since, "+inf", "WITHSCORES", "LIMIT", 0, limit + ties + 1)
local page, at = {""}, ""
for i = 1, #found, 2 do
    if found[i + 1] ~= since or found[i] > last then
        if #page > limit then
            page[1] = at
            break
        end
        page[#page + 1] = found[i]
        at = found[i + 1] .. "-" .. found[i]
    end
end
return page
