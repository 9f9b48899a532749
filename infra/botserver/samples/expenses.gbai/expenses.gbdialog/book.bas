DESCRIPTION "Books an expense"
PARAM amount AS NUMBER LIKE 12.5 DESCRIPTION "How much"
PARAM what AS STRING LIKE "Train to Porto" DESCRIPTION "For what"
PARAM currency AS STRING ENUM ["EUR", "USD", "GBP"] LIKE "EUR" DEFAULT "EUR"
ASSERT VAL(amount) > 0, "an expense is more than nothing"
row = INSERT "expenses", { amount: amount, what: what, currency: currency }
RETURN { id: row.id, message: "Booked: " + FORMAT(VAL(amount), "N2") + " " + currency + " for " + what }
