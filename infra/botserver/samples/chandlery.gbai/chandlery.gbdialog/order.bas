PARAM wanted AS INTEGER
good = FIND "goods.csv" WHERE number = wanted AND in_stock = TRUE FIRST
IF good IS NULL THEN
    TALK "That is not in stock."
    RETURN
END IF
' Each session has a file of orders; the drive is shared by all who talk to the bot.
ledger = "orders/" + session_id + ".csv"
SAVE ledger, { number: good.number, name: good.name, price: good.price, ordered: TODAY }
rows = FIND ledger
total = AGGREGATE "SUM", rows, "price"
data = NEW OBJECT
data.number = UBOUND(rows)
data.customer = IIF(username = "", "our guest", username)
data.date = FORMAT(TODAY, "dd/MM/yyyy")
data.lines = [good]
data.total = FORMAT(good.price, "0.00")
receipt = GENERATE PDF "forms/receipt.html", data, "receipts/" + session_id + "/" + data.number + ".pdf"
SEND FILE receipt.path CAPTION "Here is your receipt."
TALK "Ordered. Your orders come to " + FORMAT(total, "0.00")
