local counts = {}
for i = 1, 300000 do
  local key = "k" .. (i % 1000)
  counts[key] = (counts[key] or 0) + 1
end
return counts["k7"]
