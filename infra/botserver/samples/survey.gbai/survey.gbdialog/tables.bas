TABLE answers
    id integer key
    age integer
    city string(80)
    travel string(20)
    minutes integer
    at datetime default now()
END TABLE
