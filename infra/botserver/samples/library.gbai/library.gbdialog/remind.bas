SET SCHEDULE "weekdays at 8am"
late = FIND "loans" WHERE returned = FALSE AND due < TODAY
FOR EACH loan IN late
    days = DATEDIFF(loan.due, TODAY, "days")
    book = FIND "books", "isbn", loan.isbn
    SEND TEMPLATE "reminder" TO loan.reader WITH { title: book.title, days: days }
    WAIT 1
NEXT
LOG_INFO "reminded " + UBOUND(late)
