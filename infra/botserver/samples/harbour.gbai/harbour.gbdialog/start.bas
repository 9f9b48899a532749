' The ferry desk of a small harbour: book, look up a sailing, report something lost.
' It shows a menu in a loop, validated questions, three branches, and two ways out.

fare = 12.50
asked = 0
islands = ["Sandholm", "Birkeø", "Lyngsø"]

BEGIN TALK
**Welcome to the harbour desk.**
I sell ferry tickets, look up sailings and take reports of things left on board.
END TALK

' The desk closes after each visit, and opens again when somebody writes.
DO WHILE TRUE
  DO
    CLEAR SUGGESTIONS
    TALK "What can I do for you?"
    HEAR choice AS "Book a ticket", "Sailings", "Lost something", "Nothing, thanks"
    asked = asked + 1

    IF choice = "Nothing, thanks" THEN
      EXIT DO
    ELSE IF choice = "Book a ticket" THEN
      TALK "Which island do you sail to?"
      HEAR island AS "Sandholm", "Birkeø", "Lyngsø"

      HEAR seats AS INTEGER WITH "How many seats?"
      DO WHILE seats < 1 OR seats > 8
        TALK "One booking holds 1 to 8 seats."
        HEAR seats AS INTEGER WITH "How many seats?"
      LOOP

      HEAR travel AS DATE WITH "On which day? For example 2031-06-24."
      HEAR email AS EMAIL WITH "Where may I send the tickets?"

      total = seats * fare
      IF seats >= 5 THEN
        total = total * 0.9
      END IF

      BEGIN TALK
| | |
|---|---|
| Island | ${island} |
| Day | ${travel} |
| Seats | ${seats} |
| Total | ${FORMAT(total, "0.00")} |

The tickets go to `${email}`.
      END TALK

      HEAR more AS BOOLEAN WITH "Is there anything else?"
      IF NOT more THEN
        EXIT DO
      END IF
    ELSE IF choice = "Sailings" THEN
      lines = ""
      hour = 8
      FOR EACH name IN islands
        lines = lines + "- **" + name + "**: " + hour + ":30 and " + (hour + 6) + ":30\n"
        hour = hour + 1
      NEXT
      TALK "Today's sailings:\n\n" + lines
    ELSE
      HEAR item WITH "What did you leave on board?"
      report = { "item": item, "desk": "harbour", "number": 100 + LEN(item) }
      TALK "I noted “" + report.item + "” as report " + report.number + ". The crew looks for it tonight."
    END IF
  LOOP WHILE asked < 20

  TALK "Have a good crossing! Write whenever you need the desk again."
  HEAR again
  asked = 0
LOOP
