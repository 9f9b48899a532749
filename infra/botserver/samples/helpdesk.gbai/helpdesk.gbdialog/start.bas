TALK "What is the matter?"
HEAR subject AS TEXT
HEAR kind AS MENU "Delivery", "Invoice", "Something else"
urgency = 1
IF INSTR(LCASE(subject), "urgent") > 0 OR INSTR(LCASE(subject), "broken") > 0 THEN urgency = 3

ticket = SAVE "tickets" WITH subject = subject, kind = LCASE(kind), urgency = urgency, notes = []
SET SESSION "ticket", ticket.id
TALK "That is ticket " + ticket.id + "."

IF urgency >= 3 THEN
    handed = TRANSFER TO HUMAN "support", "high", subject
    IF IS_ERROR(handed) THEN
        TALK "Nobody is at the desk just now; somebody will write to you."
        CREATE_TASK "Call back about ticket " + ticket.id, "support", DATEADD(NOW(), 1, "days")
    ELSE
        TALK handed.message
    END IF
END IF

DO WHILE TRUE
    HEAR more
    TAG CONVERSATION session_id WITH kind
    note = { at: NOW(), text: more }
    known = FIND "tickets", "id", ticket.id
    notes = known.notes
    PUSH notes, note
    UPDATE "tickets" SET notes = notes WHERE id = ticket.id
    TALK "I added it to ticket " + ticket.id + ", which now has " + UBOUND(notes) + " notes."
LOOP
