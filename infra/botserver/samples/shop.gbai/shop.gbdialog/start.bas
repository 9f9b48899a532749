' The order desk of a tea shop: a catalogue, a cart, an address, a confirmation.
' It shows arrays of objects, totals, and settings that become variables (currency, free_from, postage).

catalogue = [
  { "name": "Assam", "unit": "100 g", "price": 6.80 },
  { "name": "Sencha", "unit": "100 g", "price": 9.50 },
  { "name": "Rooibos", "unit": "100 g", "price": 5.20 },
  { "name": "Teapot", "unit": "piece", "price": 24.00 }
]
cart = []
placed = 0

BEGIN TALK
**Welcome to The Tea Chest.**
Choose what you like; I keep the list and do the sums.
END TALK

DO WHILE TRUE
  TALK "What would you like to do?"
  HEAR choice AS "Catalogue", "Add to cart", "Cart", "Empty cart", "Order"

  IF choice = "Catalogue" THEN
    lines = ""
    FOR EACH item IN catalogue
      lines = lines + "| " + item.name + " | " + item.unit + " | " + FORMAT(item.price, "0.00") + " " + currency + " |\n"
    NEXT
    TALK "| Article | Unit | Price |\n|---|---|---|\n" + lines

  ELSE IF choice = "Add to cart" THEN
    TALK "Which article?"
    HEAR wanted AS "Assam", "Sencha", "Rooibos", "Teapot"
    HEAR quantity AS INTEGER WITH "How many?"
    DO WHILE quantity < 1 OR quantity > 20
      HEAR quantity AS INTEGER WITH "Between 1 and 20, please. How many?"
    LOOP

    price = 0
    FOR EACH item IN catalogue
      IF item.name = wanted THEN
        price = item.price
      END IF
    NEXT

    ' The same article twice is one line of the cart.
    found = FALSE
    FOR i = 0 TO UBOUND(cart) - 1
      IF cart[i].name = wanted THEN
        cart[i].quantity = cart[i].quantity + quantity
        found = TRUE
      END IF
    NEXT
    IF NOT found THEN
      PUSH cart, { "name": wanted, "quantity": quantity, "price": price }
    END IF
    TALK quantity + " × " + wanted + " added."

  ELSE IF choice = "Empty cart" THEN
    cart = []
    TALK "The cart is empty again."

  ELSE IF UBOUND(cart) = 0 THEN
    TALK "The cart is empty. Add something first."

  ELSE
    lines = ""
    total = 0
    FOR EACH item IN cart
      amount = item.quantity * item.price
      total = total + amount
      lines = lines + "| " + item.quantity + " × " + item.name + " | " + FORMAT(amount, "0.00") + " " + currency + " |\n"
    NEXT
    shipping = postage
    IF total >= free_from THEN
      shipping = 0
    END IF
    lines = lines + "| Postage | " + FORMAT(shipping, "0.00") + " " + currency + " |\n"
    lines = lines + "| **Total** | **" + FORMAT(total + shipping, "0.00") + " " + currency + "** |\n"
    TALK "| | |\n|---|---|\n" + lines

    IF choice = "Order" THEN
      HEAR customer WITH "Who is it for? Your name, please."
      HEAR street WITH "Street and number?"
      HEAR town WITH "Postcode and town?"
      HEAR email AS EMAIL WITH "Where may I send the invoice?"
      BEGIN TALK
I have this address:

> ${customer}
> ${street}
> ${town}

The invoice goes to `${email}`.
      END TALK
      HEAR sure AS BOOLEAN WITH "Shall I place the order?"
      IF sure THEN
        placed = placed + 1
        cart = []
        TALK "Thank you, " + customer + "! Your order is placed and leaves the shop tomorrow morning."
      ELSE
        TALK "Nothing is ordered. Your cart stays as it is."
      END IF
    END IF
  END IF
LOOP
