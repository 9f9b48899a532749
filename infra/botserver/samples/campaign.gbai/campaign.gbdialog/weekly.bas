SET SCHEDULE "0 9 * * MON"
' Social networks take the same picture.
picture = GET IMAGE "a calm sea at dawn"
POST TO INSTAGRAM picture, "Good morning"
POST TO "facebook,linkedin" picture, "Good morning" AT DATEADD(NOW(), 2, "hours")
list = FIND "contacts" WHERE NOT stopped
SEND_TEMPLATE_TO "weekly", MAP(list, "email"), "email"
CREATE_DRAFT "editor@example.org", "This week", "To be written."
BEGIN MAIL "office@example.org"
Subject: The weekly mail

Dear office,
it went to ${UBOUND(list)} people.
END MAIL
