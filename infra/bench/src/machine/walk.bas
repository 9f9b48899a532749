doc = { name: "root", items: [] }
FOR i = 1 TO 200
  PUSH doc.items, { id: i, price: i * 2, tags: ["a", "b", "c"], owner: { name: "n" + i, age: i MOD 90 } }
NEXT
total = 0
FOR round = 1 TO 100
  FOR EACH item IN doc.items
    IF item.owner.age > 30 THEN total = total + item.price
    FOR EACH tag IN item.tags
      IF tag = "b" THEN total = total + 1
    NEXT
  NEXT
NEXT
RETURN total
