//! The scripts that are measured, and where they look.

use super::FOUND_AMONG;

/// Merges as many rows as it is told.
pub const MERGING: &str = r#"
TABLE guests
  id integer key
  name string(40)
  email string
  total number(10,2)
  born date
  open boolean
END TABLE
WHILE TRUE
  HEAR many AS INTEGER
  rows = []
  FOR n = 1 TO many
    PUSH rows, {id: n, name: "Guest " + n, email: "g" + n + "@example.org", total: n + 0.5, born: "1990-05-01", open: n MOD 2 = 0}
  NEXT
  begun = GET "http://clock/"
  made = MERGE "guests", rows, "id"
  ended = GET "http://clock/"
  TALK made.total
WEND
"#;

/// Finds one row, or some hundred, many times.
pub const FINDING: &str = r#"
TABLE orders
  id integer key
  number string(20) unique
  customer string(40)
  total number(10,2)
  placed date
  open boolean
END TABLE
WHILE TRUE
  HEAR said
  parts = SPLIT(said, " ")
  round = INT(VAL(parts[1]))
  many = 0
  begun = GET "http://clock/"
  FOR n = 1 TO 200
    at = (n * 7919 + round * 104729) MOD 999000 + 1
    IF parts[0] = "equal" THEN
      wanted = "N" + at
      rows = FIND "orders" WHERE number = wanted
    ELSE
      upto = at + 300
      rows = FIND "orders" WHERE id >= at AND id < upto
    END IF
    many = many + UBOUND(rows)
  NEXT
  ended = GET "http://clock/"
  TALK many
WEND
"#;

/// Where the nth statement of a round looks, as the script has it.
pub fn place(n: i64, round: i64) -> i64 {
    (n * 7919 + round * 104_729) % (FOUND_AMONG - 1000) + 1
}
