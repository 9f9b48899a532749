text = ""
FOR i = 1 TO 200000
  text = text + "item " + i + ";"
NEXT
RETURN LEN(text)
