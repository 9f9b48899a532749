CALL "stock"
TALK "What would you like to read? A title, an author, or part of one."
DO WHILE TRUE
    HEAR words AS TEXT
    found = SEARCH "books", words, 5
    IF UBOUND(found) = 0 THEN
        TALK "Nothing of that. Another word?"
    ELSE
        TALK "I found " + UBOUND(found) + ":"
        names = MAP(found, "title")
        FOR EACH name IN names
            TALK "- " + name
        NEXT
        HEAR lend AS BOOLEAN WITH "Shall I lend you the first?"
        IF lend THEN
            book = FIRST(found)
            due = DATEADD(TODAY, 21, "days")
            INSERT "loans", { isbn: book.isbn, reader: user_id, due: due }
            TALK book.title + " is yours until " + FORMAT(due, "dd/MM/yyyy")
        END IF
    END IF
LOOP
