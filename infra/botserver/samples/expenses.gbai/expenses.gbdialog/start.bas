BEGIN SYSTEM PROMPT
You keep people's expenses. Amounts are in euros unless somebody says otherwise.

# Rules
- ask before you book more than 500
- never approve anything yourself
END SYSTEM PROMPT
USE TOOL "book"
USE TOOL "total"
ADD TOOL "rate.bas"
SET ANSWER MODE "tool"
TALK "What did you spend?"
DO WHILE TRUE
    HEAR amount AS MONEY WITH "How much?"
    HEAR what WITH "For what?"
    booked = CALL "book", { amount: amount, what: what }
    TALK booked.message
LOOP
