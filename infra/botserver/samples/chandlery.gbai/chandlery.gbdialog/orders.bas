files = LIST "orders/" FILTER session_id + ".csv"
IF UBOUND(files) = 0 THEN
    TALK "You have ordered nothing yet."
    RETURN
END IF
FOR EACH row IN FIND("orders/" + session_id + ".csv")
    TALK row.name + ": " + FORMAT(row.price, "0.00")
NEXT
