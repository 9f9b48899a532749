' Opens each conversation: fills the table once, then takes bookings.
IF AGGREGATE("berths", "COUNT", "*") = 0 THEN
    berths = []
    FOR i = 1 TO 12
        PUSH berths, { number: i, length: 8 + (i MOD 4) * 2, price: 18 + i * 2 }
    NEXT
    MERGE "berths" WITH berths BY "number"
END IF

greeting = GET USER MEMORY("boat")
IF greeting = "" THEN
    TALK "Welcome to the marina."
ELSE
    TALK "Welcome back, crew of the " + greeting + "."
END IF

CLEAR SUGGESTIONS
ADD SUGGESTION "Book a berth"
ADD SUGGESTION "What is free?"
ADD SUGGESTION "My bookings"

DO WHILE TRUE
    HEAR wish AS "Book a berth", "What is free?", "My bookings", "Leave"
    SELECT CASE wish
        CASE "Book a berth"
            CALL "book"
        CASE "What is free?"
            free = FIND "berths" WHERE NOT taken ORDER BY price LIMIT 5
            TALK UBOUND(free) + " of the cheapest:"
            FOR EACH berth IN free
                TALK "Berth " + berth.number + ", up to " + berth.length + " m, " + FORMAT(berth.price, "N2") + " a night"
            NEXT
        CASE "My bookings"
            mine = FIND "bookings" ORDER BY arrival
            IF UBOUND(mine) = 0 THEN
                TALK "There are none yet."
            ELSE
                FOR EACH booking IN mine
                    TALK booking.boat + ", berth " + booking.berth + " from " + FORMAT(booking.arrival, "dd/MM/yyyy")
                NEXT
            END IF
        CASE ELSE
            EXIT DO
    END SELECT
LOOP
TALK "Fair winds."
