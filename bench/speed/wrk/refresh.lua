-- Presents each token once, then its successor in turn. Arguments: the raw request with the placeholders KEY and TOKEN; a token,
-- its deployment key and its identity per line; the member of a response with the successor, whose identity maps it to its session.
local head, before, between, after, member
local tokens, keys, key_of, size, first, count = {}, {}, {}, 0, 0, 0

local function put(token, key)
   local at = (first + count) % size
   tokens[at], keys[at], count = token, key, count + 1
end

function init(args)
   local raw = assert(io.open(args[1], "rb")):read("*a")
   head, before, between, after = raw:match("^(.-)Content%-Length: %d+\r\n\r\n(.-)KEY(.-)TOKEN(.*)$")
   member = '"' .. args[3] .. '":"([^"]+)"'
   for _ in io.lines(args[2]) do size = size + 1 end
   for line in io.lines(args[2]) do
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
   -- wrk counts errors, and the harness then rejects the run. Some servers' responses have no identity of these sessions.
   local token = body:match(member)
   if token then put(token, key_of[body:match('"identity":"([^"]+)"')] or keys[first] or "") end
end
