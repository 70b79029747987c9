-- Takes one from a bucket, if there is one.
--
-- KEYS[1]  the bucket: the moment at which it is full, in microseconds since 1970; gone once it is
-- ARGV[1]  how long it takes until one more is let through, in microseconds
-- ARGV[2]  how long an empty bucket takes to be full, in microseconds
--
-- Answers how long until one would be let through (0: this one is), and how long until the bucket is full. The clock is
-- the server's, so those of the askers may differ.
local interval, full_after = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local kept = (tonumber(redis.call('GET', KEYS[1])) or now) - now
-- A bucket is never emptier than empty: else, after a step back of the clock or under a faster rate, a key would be
-- refused for as long as the difference.
local ahead = math.max(0, math.min(kept, full_after))
local wait = math.max(0, ahead + interval - full_after)
if wait == 0 then
  ahead = ahead + interval
end
if wait == 0 or ahead < kept then
  redis.call('SET', KEYS[1], string.format('%.0f', now + ahead), 'PX', string.format('%.0f', math.ceil(ahead / 1000)))
end
return { wait, ahead }
