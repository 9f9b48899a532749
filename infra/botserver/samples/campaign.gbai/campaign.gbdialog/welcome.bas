PARAM job_name AS STRING LIKE "welcome" OPTIONAL
fresh = FIND "contacts" WHERE stopped = FALSE AND list = "news"
FOR EACH contact IN fresh
    sent = SEND_TEMPLATE "welcome", contact.email, "email", { name: contact.name }
    outcome = IIF(IS_ERROR(sent), sent.error, "sent")
    INSERT "sendings", { template: "welcome", email: contact.email, outcome: outcome }
    WAIT 0.5
NEXT
