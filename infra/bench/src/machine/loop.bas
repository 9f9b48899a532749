total = 0
FOR i = 1 TO 3000000
  total = total + i MOD 7
NEXT
RETURN total
