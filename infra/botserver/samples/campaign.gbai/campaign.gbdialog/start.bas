HEAR wish AS "Join the list", "Leave the list", "How many are we?"
SWITCH LCASE(wish)
    CASE "join the list"
        HEAR email AS EMAIL WITH "Your address?"
        HEAR name AS NAME WITH "Your name?"
        SAVE "contacts", { email: email, name: name, list: "news" }
        SET SCHEDULE DATEADD(NOW(), 1, "days"), "welcome.bas"
        TALK "Welcome, " + name + "."
    CASE "leave the list"
        HEAR email AS EMAIL WITH "Your address?"
        IF UPDATE("contacts", "email=" + email, { stopped: TRUE }) > 0 THEN
            TALK "You hear from us no more."
        ELSE
            TALK "We do not know that address."
        END IF
    DEFAULT
        TALK "We are " + AGGREGATE("contacts", "COUNT", "email", "stopped = false") + "."
END SWITCH
