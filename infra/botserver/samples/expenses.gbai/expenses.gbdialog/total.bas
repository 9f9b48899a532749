DESCRIPTION "What was spent since a day"
PARAM since AS DATE LIKE "2026-01-01" DESCRIPTION "From this day on" OPTIONAL
from_day = NVL(since, DATEADD(TODAY, -30, "days"))
rows = FIND "expenses" WHERE spent >= from_day
RETURN { count: UBOUND(rows), total: AGGREGATE("SUM", rows, "amount") }
