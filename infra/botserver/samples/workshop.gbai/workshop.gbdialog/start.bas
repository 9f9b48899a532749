SUB line_of(sign, count)
    DIM text
    FOR i = 1 TO count
        text = text + sign
    NEXT
    TALK text
END SUB

FUNCTION largest(list)
    DIM best
    best = list[0]
    FOR EACH item IN list
        IF item > best THEN best = item
    NEXT
    RETURN best
END FUNCTION

numbers = NEW ARRAY
i = 0
WHILE i < 5
    PUSH numbers, RANDOM(1, 100)
    i = i + 1
WEND
line_of "-", 10
TALK "The largest of " + JOIN(numbers, ", ") + " is " + largest(numbers)

TRY
    wrong = 1 / 0
CATCH problem
    TALK "Caught: " + problem
END TRY

ON ERROR GOTO failed
THROW "on purpose"
TALK "not reached"
failed:
TALK "Jumped here: " + ERROR MESSAGE
ON ERROR GOTO 0

person = NEW OBJECT
person.name = "Ana"
person.boats = [{ name: "Gaivota", length: 9 }, { name: "Andorinha", length: 7 }]
FOR EACH boat IN person.boats DO
    IF boat.length < 8 THEN
        TALK boat.name + " is small"
    ELSE IF boat.length < 12 THEN
        TALK boat.name + " is middling"
    ELSE
        TALK boat.name + " is large"
    END IF
END FOR
again:
HEAR guess AS INTEGER WITH "What is 6 times 7?"
IF guess <> 42 THEN GOTO again
TALK "Right."
