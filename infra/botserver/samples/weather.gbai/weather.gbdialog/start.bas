SET HEADER "Accept", "application/json"
DO WHILE TRUE
    HEAR city AS TEXT WITH "Which town?"
    answer = GET "https://wttr.example.org/" + REPLACE(city, " ", "+") + "?format=j1"
    IF IS_ERROR(answer) THEN
        TALK "The weather service does not answer."
    ELSE
        now_there = answer.current_condition[0]
        TALK "In " + city + ": " + now_there.temp_C + " °C, " + now_there.weatherDesc[0].value
    END IF
LOOP
