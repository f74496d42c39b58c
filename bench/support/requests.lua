-- Sends the requests of a file, one after the other: METHOD, path, Authorization and body in each line, tab-separated.
-- Arguments: the file, and `cycle` to begin again at its end or `once` where every request is good for one use only.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  requests, position, ranOut, once = {}, 0, 0, args[2] == "once"
  for line in io.lines(args[1]) do
    local method, path, token, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)$")
    local headers = { ["Host"] = "127.0.0.1" }
    if token ~= "" then headers["Authorization"] = token end
    if body ~= "" then headers["Content-Type"] = "application/json" end
    table.insert(requests, wrk.format(method, path, headers, body ~= "" and body or nil))
  end
end

function request()
  position = position + 1
  if position > #requests then
    if once then ranOut = 1 end
    position = 1
  end
  return requests[position]
end

function done(summary, latency)
  local out = 0
  for _, thread in ipairs(threads) do out = out + thread:get("ranOut") end
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"us":%d,"bytes":%d,"p50":%d,"p99":%d,"mean":%f,"refused":%d,"broken":%d,"ranOut":%d}',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), latency.mean,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout, out))
end
