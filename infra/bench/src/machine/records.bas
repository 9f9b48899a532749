rows = []
FOR i = 1 TO 20000
  PUSH rows, { id: i, city: "c" + (i MOD 20), price: i MOD 100 }
NEXT
total = 0
FOR i = 0 TO 19999
  rows[i].price = rows[i].price + 1
  row = rows[i]
  IF row.city = "c7" AND row.price > 50 THEN total = total + row.price
NEXT
RETURN total
