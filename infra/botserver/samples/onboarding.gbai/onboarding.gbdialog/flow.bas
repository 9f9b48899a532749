ORCHESTRATE WORKFLOW "arrival"
STEP 1: BOT "it" "prepare the laptop"
STEP 2: BOT "payroll" "open the file"
approved = WAIT FOR EVENT "approved" TIMEOUT 3600
IF IS_ERROR(approved) THEN
    TALK TO "email:hr@example.org", "The arrival waits for approval."
END IF
