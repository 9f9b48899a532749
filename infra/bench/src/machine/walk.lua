local doc = { name = "root", items = {} }
for i = 1, 200 do
  doc.items[#doc.items + 1] = { id = i, price = i * 2, tags = { "a", "b", "c" }, owner = { name = "n" .. i, age = i % 90 } }
end
local total = 0
for round = 1, 100 do
  for _, item in ipairs(doc.items) do
    if item.owner.age > 30 then total = total + item.price end
    for _, tag in ipairs(item.tags) do
      if tag == "b" then total = total + 1 end
    end
  end
end
return total
