' Five questions in random order, three answers each, a score, and another round.

questions = [
  { "text": "Which planet is the largest?", "answers": ["Jupiter", "Saturn", "Neptune"], "right": 1, "note": "All other planets would fit into it." },
  { "text": "What is the Milky Way?", "answers": ["A comet's tail", "A galaxy", "A cloud of dust"], "right": 2, "note": "We live in one of its arms." },
  { "text": "How long does sunlight take to reach us?", "answers": ["One second", "One hour", "Eight minutes"], "right": 3, "note": "So we see the Sun as it was." },
  { "text": "Which planet spins lying on its side?", "answers": ["Uranus", "Mars", "Venus"], "right": 1, "note": "Something large may have struck it long ago." },
  { "text": "What makes the Moon shine?", "answers": ["Its own heat", "Sunlight", "Hot lava"], "right": 2, "note": "Its dust throws back a tenth of the light." }
]
best = 0

TALK "**Welcome to the night sky quiz.**\nFive questions. Answer with 1, 2 or 3, or *stop*."

DO WHILE TRUE
  ' An order drawn for this round: each number is taken from what is left.
  left_over = [0, 1, 2, 3, 4]
  order = []
  DO WHILE UBOUND(left_over) > 0
    drawn = RANDOM(UBOUND(left_over))
    PUSH order, left_over[drawn]
    remaining = []
    FOR i = 0 TO UBOUND(left_over) - 1
      IF i <> drawn THEN
        PUSH remaining, left_over[i]
      END IF
    NEXT
    left_over = remaining
  LOOP

  score = 0
  number = 0
  stopped = FALSE
  FOR EACH index IN order
    question = questions[index]
    number = number + 1
    lines = ""
    FOR i = 0 TO 2
      lines = lines + "\n" + (i + 1) + ". " + question.answers[i]
    NEXT
    TALK "**" + number + " of 5.** " + question.text + "\n" + lines

    HEAR answer
    DO WHILE LCASE(TRIM(answer)) <> "stop" AND TRIM(answer) <> "1" AND TRIM(answer) <> "2" AND TRIM(answer) <> "3"
      HEAR answer WITH "Please answer with 1, 2 or 3, or *stop*."
    LOOP
    IF LCASE(TRIM(answer)) = "stop" THEN
      stopped = TRUE
      EXIT FOR
    END IF

    IF TRIM(answer) = STR(question.right) THEN
      score = score + 1
      TALK "Right! " + question.note
    ELSE
      TALK "No, it is " + question.answers[question.right - 1] + ". " + question.note
    END IF
  NEXT

  IF stopped THEN
    TALK "We stop here, with " + score + " right."
  ELSE IF score > best THEN
    best = score
    TALK "You have " + score + " of 5. That is your best round so far."
  ELSE
    TALK "You have " + score + " of 5. Your best is still " + best + "."
  END IF

  HEAR again AS BOOLEAN WITH "Another round?"
  IF NOT again THEN
    TALK "Good night! Write whenever you want to play again."
    HEAR anything
  END IF
LOOP
