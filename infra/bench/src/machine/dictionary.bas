counts = {}
FOR i = 1 TO 300000
  key = "k" + (i MOD 1000)
  counts[key] = counts[key] + 1
NEXT
RETURN counts["k7"]
