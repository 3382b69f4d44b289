-- Presents each token once; returned tokens are presented in turn. Arguments: a file with the raw request, with KEY and
-- TOKEN as placeholders of the deployment's key and the token; a file with a token, its deployment's key and its identity
-- per line. The response's identity maps its token to a session.
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
   -- wrk counts what is no success, and the harness refuses the run.
   local token = body:match('"token":"([^"]+)"')
   local identity = body:match('"identity":"([^"]+)"')
   -- A yardstick answers with one and the same identity, which none of these sessions has.
   if token then put(token, key_of[identity] or keys[first] or "") end
end
