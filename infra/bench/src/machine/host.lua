local total = 0
for i = 1, 10000 do total = total + host(i) end
return total
