inside = 0
FOR py = 0 TO 119
  y0 = py / 60.0 - 1.0
  FOR px = 0 TO 119
    x0 = px / 40.0 - 2.0
    x = 0.0
    y = 0.0
    n = 0
    WHILE n < 100 AND x * x + y * y <= 4.0
      t = x * x - y * y + x0
      y = 2.0 * x * y + y0
      x = t
      n = n + 1
    WEND
    IF n = 100 THEN inside = inside + 1
  NEXT
NEXT
RETURN inside
