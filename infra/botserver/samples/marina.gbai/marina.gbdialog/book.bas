DESCRIPTION "Books a berth for a boat"
PARAM boat AS STRING LIKE "Gaivota" DESCRIPTION "Name of the boat" OPTIONAL
PARAM size AS NUMBER LIKE 9.5 DESCRIPTION "Its length in metres" OPTIONAL
PARAM nights AS INTEGER LIKE 2 DESCRIPTION "How many nights" OPTIONAL

IF boat IS NULL THEN
    HEAR boat AS NAME WITH "What is your boat called?"
END IF
IF size IS NULL THEN
    HEAR size AS DECIMAL WITH "How long is she, in metres?"
END IF
IF nights IS NULL THEN
    HEAR nights AS INTEGER WITH "How many nights?" DEFAULT 1
END IF

berth = FIND "berths" WHERE length >= size AND NOT taken ORDER BY price FIRST
IF berth IS NULL THEN
    TALK "There is no berth for " + size + " m just now."
    RETURN { booked: FALSE }
END IF

total = berth.price * nights
booking = INSERT INTO "bookings" WITH berth = berth.number, boat = boat, length = size, arrival = TODAY, nights = nights, total = total
UPDATE "berths" SET taken = TRUE WHERE number = berth.number
SET USER MEMORY "boat", boat
TALK "Berth " + berth.number + " is yours for " + nights + " nights: " + FORMAT(total, "N2")
RETURN { booked: TRUE, id: booking.id, total: total }
