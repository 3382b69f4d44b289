-- Repeats one request. Argument: a file with the raw request.
function init(args)
   local file = assert(io.open(args[1], "rb"))
   local head, body = file:read("*a"):match("^(.-)\r\n\r\n(.*)$")
   file:close()
   wrk.method, wrk.path = head:match("^(%S+) (%S+)")
   for name, value in head:gmatch("\r\n([^:]+): ([^\r]*)") do wrk.headers[name] = value end
   wrk.body = body
end
