' Every morning: what the night brought.
SET SCHEDULE "0 7 * * *"
taken = AGGREGATE "berths", "COUNT", "number", "taken = true"
income = AGGREGATE "bookings", "SUM", "total"
PRINT "berths taken: " + taken + ", booked so far: " + FORMAT(income, "N2")
SEND MAIL "office@marina.example", "The night", "Taken: " + taken + ", booked: " + income
