BEGIN SYSTEM PROMPT
You answer for the editors of a small newspaper, from its archive only.
END SYSTEM PROMPT

USE KB "archive"
USE KB "style"
USE WEBSITE "https://news.example.org" REFRESH "1d"
ADD TOOL "headline"

summary = GET BOT MEMORY("summary")
IF summary = "" THEN summary = "There is no summary yet."
SET CONTEXT "today" AS summary
SET CONTEXT "style" AS "Sentences are short. Names are written in full the first time."

CLEAR SUGGESTIONS
ADD SUGGESTION "today" AS "What happened today?"
ADD SUGGESTION "style" AS "How do we write names?"
ADD_SUGGESTION_TOOL "headline" AS "Find a headline"
ADD_SUGGESTION_TEXT "Show me the archive of 2020" AS "2020"
ADD SWITCHER "tables" AS "Tables"
ADD SWITCHER "Answer in two sentences." AS "Short"

TALK "Good morning. Ask about anything that we printed."
