-- Sends requests in turn. Argument: a file with the raw requests, each after a line with its length.
local requests, count, at = {}, 0, 0

function init(args)
   local file = assert(io.open(args[1], "rb"))
   for length in file:lines() do
      count = count + 1
      requests[count] = file:read(tonumber(length))
   end
   file:close()
end

function request()
   at = at % count + 1
   return requests[at]
end
