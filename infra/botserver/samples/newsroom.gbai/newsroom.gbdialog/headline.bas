DESCRIPTION "Finds a headline for a text"
PARAM text AS STRING LIKE "The ferry was late again." DESCRIPTION "The text"
line = LLM "Write one headline of at most eight words for: " + text
IF IS_ERROR(line) THEN
    words = SPLIT(text, " ")
    line = JOIN(SLICE(words, 0, 6), " ") + "…"
END IF
RETURN UCASE(LEFT(line, 1)) + MID(line, 2)
