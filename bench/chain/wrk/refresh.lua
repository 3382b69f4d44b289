-- Presents each token once, then its successor in turn. Arguments: a file with the raw request and the placeholders KEY
-- (deployment key) and TOKEN; a file with a token, its deployment key and its identity per line. The identity in a response
-- maps the new token to its session.
local head, before, between, after = "", "", "", ""
local tokens, keys, key_of, size, first, count = {}, {}, {}, 0, 0, 0

local function put(token, key)
   local at = (first + count) % size
   tokens[at], keys[at] = token, key
   count = count + 1
end

function init(args)
   local file = assert(io.open(args[1], "rb"))
   local raw = file:read("*a")
   file:close()
   head, before, between, after = raw:match("^(.-)Content%-Length: %d+\r\n\r\n(.-)KEY(.-)TOKEN(.*)$")
   local lines = {}
   for line in io.lines(args[2]) do lines[#lines + 1] = line end
   size = #lines
   for _, line in ipairs(lines) do
      local token, key, identity = line:match("^(%S+) (%S+) (%S+)$")
      key_of[identity] = key
      put(token, key)
   end
end

function request()
   assert(count > 0, "all tokens are under way")
   local body = before .. keys[first] .. between .. tokens[first] .. after
   first, count = (first + 1) % size, count - 1
   return head .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function response(status, headers, body)
   -- wrk counts errors, and the harness then rejects the run.
   local token = body:match('"token":"([^"]+)"')
   local identity = body:match('"identity":"([^"]+)"')
   -- A yardstick always returns the same identity, which none of these sessions has.
   if token then put(token, key_of[identity] or keys[first] or "") end
end
