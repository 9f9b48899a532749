local inside = 0
for py = 0, 119 do
  local y0 = py / 60.0 - 1.0
  for px = 0, 119 do
    local x0 = px / 40.0 - 2.0
    local x, y, n = 0.0, 0.0, 0
    while n < 100 and x * x + y * y <= 4.0 do
      local t = x * x - y * y + x0
      y = 2.0 * x * y + y0
      x = t
      n = n + 1
    end
    if n == 100 then inside = inside + 1 end
  end
end
return inside
