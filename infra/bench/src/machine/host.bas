total = 0
FOR i = 1 TO 10000
  total = total + CACHE GET i
NEXT
RETURN total
