//! Whole conversations: talking, asking, suggesting.

use expect_test::expect;

use crate::transcript::check;

#[test]
fn a_script_talks_and_listens() {
    check(
        r#"TALK "Hello!"
HEAR name
IF name = "Ana" THEN
  TALK "Hi " + name
ELSE
  TALK "Who is ${name}?"
END IF"#,
        &["Ana"],
        expect![[r#"
            Hello!
            > Ana
            Hi Ana
        "#]],
    );
}

#[test]
fn text_blocks_keep_lines_and_fill_in_values() {
    check(
        r#"IF TRUE THEN
    BEGIN TALK
    **Hi** ${user.name}, it's "you"!

      - indented, costs $5 and ${user.age + 1}
    ${not closed
    END TALK
END IF
BEGIN SYSTEM PROMPT
You are a helpful bot for ${user.name}.
# Rules: TALK is no keyword here
END SYSTEM PROMPT"#,
        &[],
        expect![[r#"
            **Hi** Ana, it's "you"!

              - indented, costs $5 and 31
            ${not closed
            [system prompt] You are a helpful bot for Ana.
            # Rules: TALK is no keyword here
        "#]],
    );
}

#[test]
fn every_form_of_hear_waits() {
    check(
        r#"HEAR
x = HEAR
HEAR y WITH "And y?"
HEAR o.name AS NAME WITH "Name?"
z = HEAR AS INTEGER
TALK x + "," + y + "," + o.name + "," + z"#,
        &["a", "b", "c", "ana  maria", "7"],
        expect![[r#"
            > a
            > b
            And y?
            > c
            Name?
            hear Name 
            > ana  maria
            hear Integer 
            > 7
            b,c,ana maria,7
        "#]],
    );
}

#[test]
fn numbers_are_checked_and_asked_again() {
    check(
        r#"HEAR n AS INTEGER WITH "How many?"
TALK n + 1
HEAR f AS DECIMAL
TALK f * 2"#,
        &["three", "3.5", "12", " 1,5 "],
        expect![[r#"
            How many?
            hear Integer 
            > three
            That is not a whole number. Please send digits only, for example 42.
            hear Integer 
            > 3.5
            That is not a whole number. Please send digits only, for example 42.
            hear Integer 
            > 12
            13
            hear Number 
            >  1,5 
            3
        "#]],
    );
}

#[test]
fn yes_and_no_in_three_languages() {
    check(
        r#"FOR i = 1 TO 6
HEAR b AS BOOLEAN
IF b THEN TALK "on" ELSE TALK "off"
NEXT
TALK b"#,
        &["Yes!", "NÃO", "sí", "maybe", "sim", "no", "n"],
        expect![[r#"
            hear Boolean 
            > Yes!
            on
            hear Boolean 
            > NÃO
            off
            hear Boolean 
            > sí
            on
            hear Boolean 
            > maybe
            I did not understand that. Please answer yes or no.
            hear Boolean 
            > sim
            on
            hear Boolean 
            > no
            off
            hear Boolean 
            > n
            off
            false
        "#]],
    );
}

#[test]
fn email_addresses_are_normalised() {
    check(
        r#"HEAR e AS EMAIL
TALK e"#,
        &["ana", "ana@", "a b@x.com", "ana@x", "Ana.Silva@Example.COM "],
        expect![[r#"
            hear Email 
            > ana
            That is not an e-mail address. Please send one, for example name@example.com.
            hear Email 
            > ana@
            That is not an e-mail address. Please send one, for example name@example.com.
            hear Email 
            > a b@x.com
            That is not an e-mail address. Please send one, for example name@example.com.
            hear Email 
            > ana@x
            That is not an e-mail address. Please send one, for example name@example.com.
            hear Email 
            > Ana.Silva@Example.COM 
            ana.silva@example.com
        "#]],
    );
}

#[test]
fn dates_are_understood_as_people_write_them() {
    check(
        r#"WHILE TRUE
HEAR d AS DATE
TALK d
TALK TYPEOF(d) + " " + d.year
WEND"#,
        &[
            "2026-12-31",
            "31/12/2026",
            "12/31/2026",
            "31 de dezembro de 2026",
            "March 5, 2027",
            "5th march",
            "hoje",
            "tomorrow",
            "ayer",
            "31/02/2026",
            "soon",
        ],
        expect![[r#"
            hear Date 
            > 2026-12-31
            2026-12-31
            date 2026
            hear Date 
            > 31/12/2026
            2026-12-31
            date 2026
            hear Date 
            > 12/31/2026
            2026-12-31
            date 2026
            hear Date 
            > 31 de dezembro de 2026
            2026-12-31
            date 2026
            hear Date 
            > March 5, 2027
            2027-03-05
            date 2027
            hear Date 
            > 5th march
            2026-03-05
            date 2026
            hear Date 
            > hoje
            2026-03-01
            date 2026
            hear Date 
            > tomorrow
            2026-03-02
            date 2026
            hear Date 
            > ayer
            2026-02-28
            date 2026
            hear Date 
            > 31/02/2026
            I did not recognise the date. Please write it as year-month-day, for example 2026-12-31.
            hear Date 
            > soon
            I did not recognise the date. Please write it as year-month-day, for example 2026-12-31.
            hear Date 
            waits
        "#]],
    );
}

#[test]
fn menus_accept_text_number_and_part() {
    check(
        r#"HEAR c AS "Red wine", "White wine", "Beer"
TALK c
HEAR c AS MENU "Red wine", "White wine", "Beer"
TALK c
HEAR c AS "Small", "Large", *
TALK c
HEAR c AS "1", "2"
TALK c"#,
        &["wine", "beer", "2", "anything at all", "2"],
        expect![[r#"
            hear Menu { open: false } Red wine|White wine|Beer
            > wine
            Please choose one of these, by its text or its number:
            1. Red wine
            2. White wine
            3. Beer
            hear Menu { open: false } Red wine|White wine|Beer
            > beer
            Beer
            hear Menu { open: false } Red wine|White wine|Beer
            > 2
            White wine
            hear Menu { open: true } Small|Large
            > anything at all
            anything at all
            hear Menu { open: false } 1|2
            > 2
            2
        "#]],
    );
}

#[test]
fn an_empty_answer_can_have_a_meaning() {
    check(
        r#"HEAR n AS INTEGER WITH "Guests?" DEFAULT 2
TALK n"#,
        &[" "],
        expect![[r#"
            Guests?
            hear Integer 
            >  
            2
        "#]],
    );
}

#[test]
fn suggestions_of_every_form() {
    check(
        r#"CLEAR SUGGESTIONS
ADD SUGGESTION "prices" AS "What does it cost?"
ADD SUGGESTION "Hello"
ADD_SUGGESTION("Bye")
ADD_SUGGESTION_TOOL "book-table" AS "Book"
ADD_SUGGESTION_TOOL "cancel"
ADD_SUGGESTION_TEXT "I want to pay" AS "Pay"
clear_suggestions()"#,
        &[],
        expect![[r#"
            [no suggestions]
            [What does it cost?: context prices]
            [Hello: sends Hello]
            [Bye: sends Bye]
            [Book: tool book-table]
            [cancel: tool cancel]
            [Pay: sends I want to pay]
            [no suggestions]
        "#]],
    );
}

#[test]
fn printing_goes_to_the_log() {
    check(
        r#"PRINT "a", 1
LOG_INFO "b"
LOG WARN "c"
log_error("d")
LOG_DEBUG { x: 1 }"#,
        &[],
        expect![[r#"
            [Info] a 1
            [Info] b
            [Warn] c
            [Error] d
            [Debug] {"x": 1}
        "#]],
    );
}

#[test]
fn parameters_become_variables() {
    check(
        r#"DESCRIPTION "Books a table"
PARAM guests AS INTEGER LIKE 4 DESCRIPTION "How many" OPTIONAL DEFAULT 2
PARAM day AS DATE LIKE "2026-01-01"
TALK guests
TALK day IS NULL"#,
        &[],
        expect![[r#"
            2
            true
        "#]],
    );
}

#[test]
fn questions_stand_in_expressions_too() {
    check(
        r#"amount = VAL(ASK "Amount?") + VAL(ASK("Tip?"))
TALK amount
IF ASK "Go on, ${amount}?" = "yes" THEN TALK "on"
IF CONFIRM("Really?") AND NOT CONFIRM "Stop?" THEN TALK "further"
DO WHILE ASK "Again?" <> "no"
LOOP
o = { name: ASK "Name?", ages: [VAL(ASK "Age?"), amount] }
TALK o
ask = "a variable"
TALK ask
"#,
        &["10", "2", "yes", "yes", "no", "well", "no", "Ana", "30"],
        expect![[r#"
            Amount?
            > 10
            Tip?
            > 2
            12
            Go on, 12?
            > yes
            on
            Really?
            hear Boolean 
            > yes
            Stop?
            hear Boolean 
            > no
            further
            Again?
            > well
            Again?
            > no
            Name?
            > Ana
            Age?
            > 30
            {"name": "Ana", "ages": [30, 12]}
            a variable
        "#]],
    );
}
