ADD BOT "payroll" WITH TRIGGER "salary,payslip"
ADD BOT "it" TRIGGER ON "laptop,password"
done = GET SESSION "steps"
IF done = "" THEN done = 0
REMEMBER "last_visit", NOW(), "90 days"

DO WHILE done < 3
    SELECT CASE done
        CASE 0
            HEAR name AS NAME WITH "What is your name?"
            REMEMBER USER FACT "is called " + name
        CASE 1
            HEAR begins AS DATE WITH "When do you begin?"
            SET USER MEMORY "begins", begins
        CASE 2
            HEAR laptop AS BOOLEAN WITH "Do you need a laptop?"
            IF laptop THEN PUBLISH EVENT "laptop_wanted", { person: user_id }
    END SELECT
    done = done + 1
    SET SESSION "steps", done
LOOP
TALK "I know of you: " + JOIN(GET USER FACTS(), ", ")
BOT SHARE MEMORY "handbook" WITH "it"
answer = DELEGATE "When is the first salary paid?" TO BOT "payroll" TIMEOUT 30
IF IS_ERROR(answer) THEN TALK "Payroll will write to you." ELSE TALK answer
