local n = 500000
local flags = {}
for i = 0, n do flags[i] = i end
local count = 0
for i = 2, n do
  if flags[i] ~= 0 then
    count = count + 1
    local j = i * i
    while j <= n do flags[j] = 0; j = j + i end
  end
end
return count
