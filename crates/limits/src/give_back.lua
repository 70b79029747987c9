-- Gives one back to a bucket that it was taken from a moment ago.
--
-- KEYS[1]  the bucket, as in gcra.lua
-- ARGV[1]  how long one takes to come back by itself, in microseconds
--
-- What is full stays as it is: there is nothing to give back to it.
local kept = tonumber(redis.call('GET', KEYS[1]))
if kept then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local ahead = math.max(0, kept - tonumber(ARGV[1]) - now)
  local lives = math.max(1, math.ceil(ahead / 1000))
  redis.call('SET', KEYS[1], string.format('%.0f', now + ahead), 'PX', string.format('%.0f', lives))
end
