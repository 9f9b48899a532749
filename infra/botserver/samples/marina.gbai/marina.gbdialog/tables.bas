' What the marina keeps. A person's bookings go when the person is erased.
TABLE berths
    number integer key
    length number(5,1)
    price number(8,2)
    taken boolean default false
END TABLE

TABLE bookings
    id integer key
    berth integer references berths
    boat string(60)
    length number(5,1)
    arrival date
    nights integer
    total number(10,2)
    booked_at datetime default now()
END TABLE
