BEGIN TABLE books
    FIELD isbn AS STRING KEY
    FIELD title AS STRING
    FIELD author AS STRING
    FIELD shelf AS STRING
    FIELD copies AS INTEGER
END TABLE

TABLE loans
    id guid key
    isbn string references books
    reader string SUBJECT
    due date
    returned boolean default false
END TABLE
