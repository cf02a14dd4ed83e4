-- forget_told: what happened to one person is not told any more, in some entries of a stream of what happens.
-- KEYS[1] told    stream   with a tenant, a user and perhaps a person in each entry
-- ARGV[1] tenant  string
-- ARGV[2] user    string   whose sessions, and whose coming and going
-- ARGV[3] after   string   the id of the last entry that was looked at; "" for none
-- ARGV[4] limit   integer  how many are looked at: Redis serves nobody else meanwhile
-- returns the id of the last entry that was looked at now, or "" if these were the last
local first = ARGV[3] == "" and "-" or "(" .. ARGV[3]
local found = redis.call("XRANGE", KEYS[1], first, "+", "COUNT", ARGV[4])
for _, entry in ipairs(found) do
    local about = {}
    for at = 1, #entry[2], 2 do about[entry[2][at]] = entry[2][at + 1] end
    local is_theirs = about.user == ARGV[2] or about.person == ARGV[2]
    if is_theirs and about.tenant == ARGV[1] then redis.call("XDEL", KEYS[1], entry[1]) end
end
return #found == tonumber(ARGV[4]) and found[#found][1] or ""
