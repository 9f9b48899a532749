TABLE contacts
    email string(200) key
    name string(100)
    list string(40)
    stopped boolean default false
END TABLE
TABLE sendings
    id integer key
    template string(60)
    email string(200)
    at datetime default now()
    outcome string(200)
END TABLE
