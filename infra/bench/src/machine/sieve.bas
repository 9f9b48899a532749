n = 500000
flags = RANGE(0, n)
count = 0
FOR i = 2 TO n
  IF flags[i] <> 0 THEN
    count = count + 1
    j = i * i
    WHILE j <= n
      flags[j] = 0
      j = j + i
    WEND
  END IF
NEXT
RETURN count
