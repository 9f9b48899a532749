local rows = {}
for i = 1, 20000 do
  rows[#rows + 1] = { id = i, city = "c" .. (i % 20), price = i % 100 }
end
local total = 0
for i = 1, 20000 do
  rows[i].price = rows[i].price + 1
  local row = rows[i]
  if row.city == "c7" and row.price > 50 then total = total + row.price end
end
return total
