ON ERROR RESUME NEXT
files = LIST "letters/" FILTER "*.txt" RECURSIVE
IF ERROR THEN
    TALK "There is no drive here: " + ERROR MESSAGE
    CLEAR ERROR
END IF
HEAR letter AS TEXT WITH "What shall I write down?"
path = "letters/" + FORMAT(NOW(), "yyyyMMdd-HHmmss") + ".txt"
WRITE path, letter
WRITE letter TO "letters/all.txt" APPEND
COPY path TO "copies/" + path
back = READ path
rows = READ "letters/index.csv" AS TABLE
SAVE "letters/index.csv", path, letter
packed = COMPRESS files, "letters.zip"
paper = GENERATE PDF "letter.html", { text: letter, date: TODAY }, "letter.pdf"
SEND FILE paper.url
MOVE path TO "done/" + path
DELETE FILE "letters/old.txt"
UPLOAD packed TO "archive/" AS "letters.zip"
fetched = DOWNLOAD "https://example.org/form.pdf"
IF UBOUND(files) = 0 THEN TALK "That was the first letter."
TALK "Done."
