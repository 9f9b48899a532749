seed = 42
list = []
FOR i = 1 TO 200000
  seed = (seed * 1103515245 + 12345) MOD 2147483648
  PUSH list, seed
NEXT
sorted = SORT(list)
RETURN sorted[0] + sorted[199999]
