local seed = 42
local list = {}
for i = 1, 200000 do
  seed = (seed * 1103515245 + 12345) % 2147483648
  list[#list + 1] = seed
end
table.sort(list)
return list[1] + list[200000]
