' The form before a first visit: questions that check their answers, a summary, one field corrected at a time.

BEGIN TALK
**Welcome to the Linden clinic.**
A few questions before your first visit. You can correct everything at the end.
END TALK

DO WHILE TRUE
  patient = { "name": "", "born": NULL, "phone": "", "allergies": [] }
  field = "all"
  done = FALSE

  DO WHILE NOT done
    IF field = "all" OR field = "Name" THEN
      HEAR name WITH "What is your full name?"
      DO WHILE INSTR(TRIM(name), " ") = 0
        HEAR name WITH "First name and surname, please."
      LOOP
      patient.name = TRIM(name)
    END IF

    IF field = "all" OR field = "Date of birth" THEN
      HEAR born AS DATE WITH "When were you born? For example 1984-06-24."
      DO WHILE born > TODAY() OR YEAR(born) < 1900
        HEAR born AS DATE WITH "That day cannot be. When were you born?"
      LOOP
      patient.born = born
    END IF

    IF field = "all" OR field = "Phone" THEN
      HEAR phone AS PHONE WITH "Under which number can we reach you?"
      patient.phone = phone
    END IF

    IF field = "all" OR field = "Allergies" THEN
      patient.allergies = []
      HEAR allergic AS BOOLEAN WITH "Do you have any allergies?"
      IF allergic THEN
        HEAR listed WITH "Which ones? Separate them with commas."
        known = []
        FOR EACH part IN SPLIT(listed, ",")
          IF TRIM(part) <> "" THEN
            PUSH known, LCASE(TRIM(part))
          END IF
        NEXT
        patient.allergies = known
      END IF
    END IF

    allergies = "none known"
    IF UBOUND(patient.allergies) > 0 THEN
      allergies = JOIN(patient.allergies, ", ")
    END IF
    BEGIN TALK
| | |
|---|---|
| Name | ${patient.name} |
| Date of birth | ${patient.born} |
| Phone | ${patient.phone} |
| Allergies | ${allergies} |
    END TALK

    HEAR right AS BOOLEAN WITH "Is everything right?"
    IF right THEN
      done = TRUE
    ELSE
      TALK "What shall I change?"
      HEAR field AS "Name", "Date of birth", "Phone", "Allergies"
    END IF
  LOOP

  TALK "Thank you, " + patient.name + ". We look forward to seeing you. Write again to fill in the form for somebody else."
  HEAR again
LOOP
