//! What scripts declare: tables in each of their forms, and what starts a script.

use expect_test::{Expect, expect};

use crate::transcript::{check_diagnostics, program};

#[track_caller]
fn check(script: &str, expected: Expect) {
    let program = program(script);
    let declared = program.declared();
    let mut lines = Vec::new();
    for table in &declared.tables {
        lines.push(format!(
            "{} on {:?} read {:?} write {:?} line {}",
            table.name, table.connection, table.read_by, table.write_by, table.line
        ));
        for field in &table.fields {
            let flags = [
                (field.key, "key"),
                (field.required, "required"),
                (field.unique, "unique"),
                (field.subject, "subject"),
            ];
            let flags: Vec<&str> = flags
                .iter()
                .filter(|(set, _)| *set)
                .map(|(_, name)| *name)
                .collect();
            let mut line = format!("  {} {:?} {}", field.name, field.kind, flags.join(" "));
            line.extend(field.references.iter().map(|table| format!(" -> {table}")));
            line.extend(field.default.iter().map(|value| format!(" = {value}")));
            if !field.read_by.is_empty() {
                line.push_str(&format!(" read {:?}", field.read_by));
            }
            lines.push(line.trim_end().to_owned());
        }
    }
    lines.extend(declared.triggers.iter().map(|trigger| format!("{trigger:?}")));
    let loaded = basic::Program::from_bytes(&program.to_bytes()).expect("what was stored loads");
    assert_eq!(loaded.declared(), declared);
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn tables_in_every_form() {
    check(
        r#"
TABLE Guests ON crm READ BY "desk;admin" WRITE BY "admin"
    id guid key
    Name string(80)
    email string(120) unique SUBJECT  ' whose data it is
    born date
    paid number(10,2)
    rank integer READ BY "admin"
    notes text
    active boolean
    seen datetime
    score double
    extra json
    harbour guid references Harbours
END TABLE

BEGIN TABLE stays
    FIELD number AS INTEGER KEY
    FIELD guest AS STRING
END TABLE

TABLE invoices
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    amount DECIMAL(12, 2) NOT NULL,
    currency VARCHAR(3) DEFAULT 'EUR',
    created_at TIMESTAMPTZ DEFAULT NOW(),
    guest_id UUID REFERENCES guests(id) ON DELETE CASCADE,
    "order" INTEGER,
    UNIQUE (currency),
    CREATE INDEX idx_invoices ON invoices(amount),
    PRIMARY KEY (id)
END TABLE
TALK "ready"
"#,
        expect![[r#"
            Guests on Some("crm") read ["desk", "admin"] write ["admin"] line 2
              id Uuid key
              Name Text { length: Some(80) }
              email Text { length: Some(120) } unique subject
              born Date
              paid Decimal { digits: Some(10), scale: 2 }
              rank Integer  read ["admin"]
              notes Text { length: None }
              active Boolean
              seen DateTime
              score Double
              extra Json
              harbour Uuid  -> Harbours
            stays on None read [] write [] line 17
              number Integer key
              guest Text { length: None }
            invoices on None read [] write [] line 22
              id Uuid key = gen_random_uuid()
              amount Decimal { digits: Some(12), scale: 2 } required
              currency Text { length: Some(3) } unique = 'EUR'
              created_at DateTime  = NOW()
              guest_id Uuid  -> guests
              order Integer
        "#]],
    );
}

#[test]
fn columns_as_sql_has_them() {
    check(
        r#"CREATE TABLE IF NOT EXISTS stock (
    id SERIAL PRIMARY KEY,
    code VARCHAR(50) UNIQUE NOT NULL, -- the code
    "qty" INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX i ON stock (code);
CREATE UNIQUE INDEX IF NOT EXISTS i2 ON stock(code)
TABLE one ( 
  a int, b string(10), c number(10,2) ' the customer's share
  note VARCHAR(50) DEFAULT 'a -- b // c',
  kind varchar(9) check (kind in ('a', 'b')) default 'it''s' // x
  status varchar(20)
     NOT NULL
     DEFAULT 'new'::varchar
  tags text[]
  at timestamp with time zone default current_timestamp
  until timestamp default (now())
  dbl double precision
  cv character varying(30)
  owner uuid references users(id) on delete set null on update cascade
  x int generated always as identity
  m: string
  n AS string
  REM nothing
  # nothing
  -- nothing
  CHECK (a > 0),
  CONSTRAINT ck CHECK (
     b <> '' AND
     c > 0
  ),
  CONSTRAINT pk PRIMARY KEY (a, b)
  UNIQUE (m)
  unique (m, n)
  FOREIGN KEY (x) REFERENCES others (id) ON DELETE CASCADE
  INDEX idx_b (b)
  KEY idx_k (b DESC)
  index int
  key string(10) key
END TABLE
"#,
        expect![[r#"
            stock on None read [] write [] line 1
              id Integer key
              code Text { length: Some(50) } required unique
              qty Integer required = 0
            one on None read [] write [] line 8
              a Integer key
              b Text { length: Some(10) } key
              c Decimal { digits: Some(10), scale: 2 }
              note Text { length: Some(50) }  = 'a -- b // c'
              kind Text { length: Some(9) }  = 'it''s'
              status Text { length: Some(20) } required = 'new'
              tags Json
              at DateTime  = current_timestamp
              until DateTime  = now()
              dbl Double
              cv Text { length: Some(30) }
              owner Uuid  -> users
              x Integer  -> others
              m Text { length: None } unique
              n Text { length: None }
              index Integer
              key Text { length: Some(10) } key
        "#]],
    );
}

#[test]
fn what_starts_a_script() {
    check(
        r#"
SET SCHEDULE "0 9 * * *"
SET SCHEDULE every 1 hour
WEBHOOK "orders"
ON INSERT OF "orders"
ON UPDATE OF "orders"
ON DELETE OF orders
ON EMAIL "office@example.org" FROM "ana@example.org"
ON CHANGE "invoices/" EVENTS "create,modify"
ON FORM SUBMIT "contact"
ON EVENT "arrived" DO
  TALK trigger_data
END ON
"#,
        expect![[r#"
            Schedule { when: "0 9 * * *" }
            Schedule { when: "every 1 hour" }
            Webhook { endpoint: "orders" }
            Row { operation: Insert, table: "orders" }
            Row { operation: Update, table: "orders" }
            Row { operation: Delete, table: "orders" }
            Mail { address: "office@example.org", from: Some("ana@example.org"), subject: None }
            Change { path: "invoices/", events: Some("create,modify") }
            Form { name: "contact" }
            Event { name: "arrived" }
        "#]],
    );
}

#[test]
fn mistakes_in_tables_are_told() {
    check_diagnostics(
        &[
            "TABLE guests\n  name strng(10)\nEND TABLE",
            "TABLE guests\n  name\nEND TABLE",
            "TABLE guests\nEND TABLE",
            "TABLE guests\n name string\n NAME integer\nEND TABLE",
            "TABLE guests\n name string\nEND TABLE\nTABLE Guests\n a string\nEND TABLE",
            "TABLE guests FOR ever\n name string\nEND TABLE",
            "TABLE guests\n na-me string\nEND TABLE",
            "TABLE guests\n name string",
            "TABLE \"drop table x; --\"\n name string\nEND TABLE",
            "TABLE guests\n a string(50 \n b integer requird\n c integer NOT NUL\nEND TABLE",
            "TABLE guests\n a string REFERENCES\n b int ON DELETE nothing\n c string 50\nEND TABLE",
            "TABLE guests\n name string\n PRIMARY KEY (nme)\nEND TABLE",
            "CREATE TABLE guests (\n name string",
        ],
        expect![[r#"
            error[B0310]: `strng` is not a type of field
             --> test.bas:2:8
              |
            2 |   name strng(10)
              |        ^^^^^
              = help: did you mean string?
            ----
            error[B0309]: the field `name` has no type
             --> test.bas:2:3
              |
            2 |   name
              |   ^^^^
              = help: write the type after it: name string(50)
            ----
            error[B0309]: the table `guests` has no fields
             --> test.bas:1:1
              |
            1 | TABLE guests
              | ^^^^^
            ----
            error[B0307]: the table has a field `NAME` already
             --> test.bas:3:2
              |
            3 |  NAME integer
              |  ^^^^^^^^^^^^
            ----
            error[B0307]: there is a table `Guests` already
             --> test.bas:4:1
              |
            4 | TABLE Guests
              | ^^^^^
            ----
            error[B0102]: expected ON, READ BY, WRITE BY or the end of the line, found `FOR`
             --> test.bas:1:14
              |
            1 | TABLE guests FOR ever
              |              ^^^
            ----
            error[B0309]: `na-me` cannot be a name here: letters, digits and _, at most 63 bytes
             --> test.bas:2:2
              |
            2 |  na-me string
              |  ^^^^^^^^^^^^
            ----
            error[B0006]: there is no END TABLE for this
             --> test.bas:1:1
              |
            1 | TABLE guests
              | ^^^^^
              = help: add a line END TABLE
            ----
            error[B0309]: `drop table x; --` cannot be a name here: letters, digits and _, at most 63 bytes
             --> test.bas:1:1
              |
            1 | TABLE "drop table x; --"
              | ^^^^^
            ----
            error[B0005]: `(` is never closed
             --> test.bas:2:10
              |
            2 |  a string(50 
              |          ^
              = help: add the bracket that closes it: ( with ), [ with ], { with }
            warning[B0407]: `requird` says nothing of a field, and is left out with what follows it
             --> test.bas:3:12
              |
            3 |  b integer requird
              |            ^^^^^^^
              = help: did you mean REQUIRED?
            warning[B0407]: `NOT` says nothing of a field, and is left out with what follows it
             --> test.bas:4:12
              |
            4 |  c integer NOT NUL
              |            ^^^
              = help: did you mean NOT NULL?
            ----
            error[B0309]: REFERENCES is followed by the name of a table
             --> test.bas:2:11
              |
            2 |  a string REFERENCES
              |           ^^^^^^^^^^
            warning[B0407]: `ON` says nothing of a field, and is left out with what follows it
             --> test.bas:3:8
              |
            3 |  b int ON DELETE nothing
              |        ^^
              = help: behind a type stand KEY, PRIMARY KEY, REQUIRED, NOT NULL, UNIQUE, SUBJECT, REFERENCES, DEFAULT, READ BY, WRITE BY, CHECK
            warning[B0407]: `50` says nothing of a field, and is left out with what follows it
             --> test.bas:4:11
              |
            4 |  c string 50
              |           ^^
              = help: behind a type stand KEY, PRIMARY KEY, REQUIRED, NOT NULL, UNIQUE, SUBJECT, REFERENCES, DEFAULT, READ BY, WRITE BY, CHECK
            ----
            error[B0309]: the table has no field `nme`
             --> test.bas:3:15
              |
            3 |  PRIMARY KEY (nme)
              |               ^^^
              = help: did you mean name?
            ----
            error[B0006]: there is no ) for this
             --> test.bas:1:1
              |
            1 | CREATE TABLE guests (
              | ^^^^^^^^^^^^
              = help: add a line )
            ----
        "#]],
    );
}
