-- Sends requests in turn. Argument: a file with each raw request after a line with its length.
local requests, at = {}, 0

function init(args)
   local file = assert(io.open(args[1], "rb"))
   for length in file:lines() do requests[#requests + 1] = file:read(tonumber(length)) end
end

function request()
   at = at % #requests + 1
   return requests[at]
end
