DESCRIPTION "Closes a ticket"
PARAM id AS INTEGER LIKE 7 DESCRIPTION "Number of the ticket"
changed = UPDATE "tickets", "id=" + id, { state: "closed" }
IF changed = 0 THEN
    RETURN WITH success AS FALSE, message AS "there is no ticket " + id
END IF
RESOLVE CONVERSATION session_id WITH "answered"
RETURN WITH success AS TRUE, message AS "ticket " + id + " is closed"
