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
        ],
        expect![[r#"
            error[B0310]: `strng` is not a type of field
             --> test.bas:2:3
              |
            2 |   name strng(10)
              |   ^^^^^^^^^^^^^^
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
        "#]],
    );
}
