' Makes the summary of the day, once a day.
SET SCHEDULE "every day at 6am"
found = THINK KB "what happened yesterday"
IF IS_ERROR(found) THEN
    PRINT "no knowledge base: " + found.error
    RETURN
END IF
text = SUMMARIZE found.summary
SET BOT MEMORY "summary", text
SET_BOT_MEMORY "summary_date", TODAY
