BEGIN TALK
**How do you get to work?**

Three questions, one minute. Nobody sees who you are.
END TALK

HEAR age AS INTEGER WITH "How old are you?"
HEAR city AS TEXT WITH "Where do you live?"
HEAR travel AS "bicycle", "bus", "car", "train", *
HEAR minutes AS INTEGER WITH "How many minutes does it take?" DEFAULT 30

SAVE "answers", age, city, travel, minutes
TALK "Thank you, that is answer " + AGGREGATE("answers", "COUNT", "*") + "."

rows = FIND "answers"
mean = AGGREGATE "AVG", rows, "minutes"
TALK "People take " + ROUND(mean, 1) + " minutes on average."

by_travel = GROUP BY rows, "travel", "COUNT(*) AS people, AVG(minutes) AS mean"
FOR EACH group IN by_travel
    TALK group.travel + ": " + group.people + ", " + ROUND(group.mean) + " minutes"
NEXT

table = PIVOT rows, "city", "travel", "minutes", "AVG"
TALK "By city: " + JSON(table)
oldest = FIND rows WHERE age > 0 ORDER BY age DESC LIMIT 1
TALK "The oldest of us is " + oldest.age + "."
picture = CHART "bar", by_travel
IF NOT IS_ERROR(picture) THEN
    SEND FILE picture
END IF
