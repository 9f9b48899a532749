' Runs for each ticket that is changed.
ON UPDATE OF "tickets"
IF trigger_new_values.state = "closed" AND trigger_old_values.state <> "closed" THEN
    RECORD METRIC "tickets_closed" WITH count = 1
END IF
