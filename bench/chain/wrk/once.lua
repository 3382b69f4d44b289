-- Sends a request with the next token each time, cycling through them. Arguments: a file with the raw request and TOKEN as
-- the token's placeholder; a file with a token per line.
local before, after, tokens, count, at = "", "", {}, 0, 0

function init(args)
   local file = assert(io.open(args[1], "rb"))
   before, after = file:read("*a"):match("^(.-)TOKEN(.*)$")
   file:close()
   for token in io.lines(args[2]) do
      count = count + 1
      tokens[count] = token
   end
end

function request()
   at = at % count + 1
   return before .. tokens[at] .. after
end
