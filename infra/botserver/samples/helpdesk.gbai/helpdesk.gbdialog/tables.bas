TABLE tickets
    id integer key
    subject string(200)
    kind string(20)
    urgency integer
    state string(20) default "open"
    notes json
END TABLE
