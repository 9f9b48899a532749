DESCRIPTION "What waits at the desk"
PARAM state AS STRING LIKE "open" DESCRIPTION "Only tickets in this state" DEFAULT "open"
waiting = FIND "tickets" WHERE state = state ORDER BY urgency DESC, id
groups = GROUP BY waiting, "kind"
queue = GET QUEUE
FOR EACH person IN GET ATTENDANTS WITH STATUS "online"
    PRINT person
NEXT
WITH summary
    count = UBOUND(waiting)
    .kinds = groups
    .queue = queue
END WITH
RETURN summary
