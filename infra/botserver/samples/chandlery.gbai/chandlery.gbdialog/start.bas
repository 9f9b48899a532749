' The goods stand in chandlery.gbdata/goods.csv; what is written to it anew is there at the next question.
TALK READ "welcome.md"
DO WHILE TRUE
    HEAR wish AS TEXT
    IF LCASE(wish) = "orders" THEN
        CALL "orders"
    ELSEIF INSTR(LCASE(wish), "order ") = 1 THEN
        CALL "order", VAL(MID(wish, 7))
    ELSE
        found = SEARCH "goods.csv", wish, 5
        IF UBOUND(found) = 0 THEN
            TALK "We have nothing of that."
        END IF
        FOR EACH good IN found
            stock = IIF(good.in_stock, "in stock", "to be ordered")
            TALK good.number + ": " + good.name + ", " + FORMAT(good.price, "0.00") + " a " + good.unit + ", " + stock
        NEXT
    END IF
LOOP
