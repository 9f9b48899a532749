//! FORMAT: expression by expression, what TALK shows or how it fails.

use expect_test::expect;

use basic::{Effect, Input, Limits, Machine, Step, Value};

use crate::transcript::{check, check_values, now, program, start};

#[test]
fn functions_on_formats() {
    let cases = [
        r##"FORMAT(1234567.891, "#,##0.00")"##,
        r#"FORMAT(1234.5, "N2")"#,
        r#"FORMAT(-1234.5, "C2[pt]")"#,
        r#"FORMAT(1234.5, "C")"#,
        r#"FORMAT(0.256, "0%")"#,
        r#"FORMAT(7, "000")"#,
        r#"FORMAT(1.5, "0.##")"#,
        r#"FORMAT(2, "0.##")"#,
        r#"FORMAT(NOW, "dd/MM/yyyy HH:mm:ss")"#,
        r#"FORMAT(NOW, "hh:mm tt")"#,
        r#"FORMAT("2026-12-31", "YYYY-MM-DD")"#,
        r#"FORMAT(TODAY, "dddd, d MMMM yy")"#,
        r#"FORMAT("text", "N2")"#,
        r#"FORMAT(5)"#,
        r#"FORMAT(1, "abc")"#,
        r#"FORMAT(-0.001, "0.00")"#,
        r#"FORMAT(1e20, "N0")"#,
        r#"FORMAT(0, "N2")"#,
        r#"FORMAT(NULL, "N2")"#,
        r#"FORMAT("", "N2") + "|""#,
        r##"FORMAT(-1234567.891, "#,##0")"##,
        r#"FORMAT(999.995, "N2")"#,
        r#"FORMAT(0.5, "N0")"#,
        r#"FORMAT(1e300, "N0") = """#,
        r#"FORMAT(1234.5, "C2[fr]")"#,
        r#"FORMAT(1234.5, "C2[de]")"#,
        r#"FORMAT(1234.5, "N2[xx]")"#,
        r#"FORMAT("1234.5", "N1")"#,
        r#"FORMAT(1234.5, "R$ #,##0.00")"#,
        r#"FORMAT(12, "00000")"#,
        r#"FORMAT(-12, "00000")"#,
        r#"FORMAT(0.12345, "0.00%")"#,
        r#"FORMAT(1.5, "")"#,
        r#"FORMAT(TRUE, "N2")"#,
        r#"FORMAT([1], "N2")"#,
        r#"FORMAT 1234.5, "N2""#,
        r#"FORMAT 1234.5 AS "N2""#,
        r#"FORMAT TODAY AS "dd/MM/yyyy""#,
        r#"FORMAT(NOW, "yyyy-MM-dd'T'HH:mm")"#,
        r#"FORMAT(NOW, "h:m:s t")"#,
        r#"FORMAT(NOW, "fff")"#,
        r#"FORMAT("2024-02-29", "d/M/yy")"#,
        r#"FORMAT("2026-03-01T13:05:00Z", "hh:mm tt")"#,
        r#"FORMAT("2026-03-01T00:05:00Z", "h:mm tt")"#,
        r#"FORMAT("2023-02-29", "dd/MM/yyyy")"#,
        r#"FORMAT_DATE(TODAY)"#,
        r#"FORMAT_DATE("2026-12-31", "DD.MM.YYYY")"#,
        r#"FORMAT_DATE("x", "DD")"#,
        r#"FORMAT_DATE(NULL) + "|""#,
        r#"FORMAT("Hello", ">")"#,
        r#"FORMAT("Hello", "<")"#,
        r#"FORMAT("", ">") + "|""#,
        r#"FORMAT("ÀÉ", "<")"#,
        r#"FORMAT("12345678", "@@@@-@@@@")"#,
        r#"FORMAT("abc", "@@@@@") + "|""#,
        r#"FORMAT("abc", "&&&&&") + "|""#,
        r#"FORMAT("abc", "!@@@@@") + "|""#,
        r#"FORMAT("abcdef", "@@-@@")"#,
        r#"FORMAT("abcdef", "!@@-@@")"#,
        r#"FORMAT("ab", ">(@@)")"#,
        r#"FORMAT("😀b", "@-@")"#,
        r#"FORMAT(5, "@@@") + "|""#,
    ];
    check_values(
        &cases,
        expect![[r##"
            FORMAT(1234567.891, "#,##0.00") -> 1,234,567.89
            FORMAT(1234.5, "N2") -> 1,234.50
            FORMAT(-1234.5, "C2[pt]") -> -R$ 1.234,50
            FORMAT(1234.5, "C") -> $1,234.50
            FORMAT(0.256, "0%") -> 26%
            FORMAT(7, "000") -> 007
            FORMAT(1.5, "0.##") -> 1.5
            FORMAT(2, "0.##") -> 2
            FORMAT(NOW, "dd/MM/yyyy HH:mm:ss") -> 01/03/2026 09:05:07
            FORMAT(NOW, "hh:mm tt") -> 09:05 AM
            FORMAT("2026-12-31", "YYYY-MM-DD") -> 2026-12-31
            FORMAT(TODAY, "dddd, d MMMM yy") -> Sunday, 1 March 26
            FORMAT("text", "N2") -> text
            FORMAT(5) -> 5
            FORMAT(1, "abc") -> 1
            FORMAT(-0.001, "0.00") -> 0.00
            FORMAT(1e20, "N0") -> 100,000,000,000,000,000,000
            FORMAT(0, "N2") -> 0.00
            FORMAT(NULL, "N2") -> 
            FORMAT("", "N2") + "|" -> |
            FORMAT(-1234567.891, "#,##0") -> -1,234,568
            FORMAT(999.995, "N2") -> 1,000.00
            FORMAT(0.5, "N0") -> 1
            FORMAT(1e300, "N0") = "" -> false
            FORMAT(1234.5, "C2[fr]") -> € 1 234,50
            FORMAT(1234.5, "C2[de]") -> € 1.234,50
            FORMAT(1234.5, "N2[xx]") -> 1234.5
            FORMAT("1234.5", "N1") -> 1,234.5
            FORMAT(1234.5, "R$ #,##0.00") -> R$ 1,234.50
            FORMAT(12, "00000") -> 00012
            FORMAT(-12, "00000") -> -00012
            FORMAT(0.12345, "0.00%") -> 12.35%
            FORMAT(1.5, "") -> 1.5
            FORMAT(TRUE, "N2") -> true
            FORMAT([1], "N2") -> [1]
            FORMAT 1234.5, "N2" -> 1,234.50
            FORMAT 1234.5 AS "N2" -> 1,234.50
            FORMAT TODAY AS "dd/MM/yyyy" -> 01/03/2026
            FORMAT(NOW, "yyyy-MM-dd'T'HH:mm") -> 2026-03-01T09:05
            FORMAT(NOW, "h:m:s t") -> 9:5:7 t
            FORMAT(NOW, "fff") -> 000
            FORMAT("2024-02-29", "d/M/yy") -> 29/2/24
            FORMAT("2026-03-01T13:05:00Z", "hh:mm tt") -> 01:05 PM
            FORMAT("2026-03-01T00:05:00Z", "h:mm tt") -> 12:05 AM
            FORMAT("2023-02-29", "dd/MM/yyyy") -> 2023-02-29
            FORMAT_DATE(TODAY) -> 2026-03-01
            FORMAT_DATE("2026-12-31", "DD.MM.YYYY") -> 31.12.2026
            FORMAT_DATE("x", "DD") -> x
            FORMAT_DATE(NULL) + "|" -> |
            FORMAT("Hello", ">") -> HELLO
            FORMAT("Hello", "<") -> hello
            FORMAT("", ">") + "|" -> |
            FORMAT("ÀÉ", "<") -> àé
            FORMAT("12345678", "@@@@-@@@@") -> 1234-5678
            FORMAT("abc", "@@@@@") + "|" ->   abc|
            FORMAT("abc", "&&&&&") + "|" -> abc|
            FORMAT("abc", "!@@@@@") + "|" -> abc  |
            FORMAT("abcdef", "@@-@@") -> abcd-ef
            FORMAT("abcdef", "!@@-@@") -> ab-cdef
            FORMAT("ab", ">(@@)") -> (AB)
            FORMAT("😀b", "@-@") -> 😀-b
            FORMAT(5, "@@@") + "|" ->   5|
        "##]],
    );
}

#[test]
fn months_and_days_are_named_in_the_language_of_the_run() {
    check(
        r#"
FOR EACH code IN ["en", "pt-BR", "Español", "fr"]
  SET LANGUAGE code
  months = ""
  FOR i = 0 TO 11
    months = months + " " + FORMAT(DATEADD("2026-01-04", i, "months"), "MMMM-MMM")
  NEXT
  days = ""
  FOR i = 0 TO 6
    days = days + " " + FORMAT_DATE(DATEADD("2026-01-04", i, "days"), "dddd-DDD")
  NEXT
  TALK code + ":" + months + " |" + days
NEXT
SET LANGUAGE "pt"
TALK FORMAT(NOW, "dddd, d 'de' MMMM 'de' yyyy, HH'h'mm")
TALK FORMAT("2026-03-07", "MMMMM MM ddddd dd")
"#,
        &[],
        expect![[r#"
            en: January-Jan February-Feb March-Mar April-Apr May-May June-Jun July-Jul August-Aug September-Sep October-Oct November-Nov December-Dec | Sunday-Sun Monday-Mon Tuesday-Tue Wednesday-Wed Thursday-Thu Friday-Fri Saturday-Sat
            pt-BR: janeiro-jan fevereiro-fev março-mar abril-abr maio-mai junho-jun julho-jul agosto-ago setembro-set outubro-out novembro-nov dezembro-dez | domingo-dom segunda-feira-seg terça-feira-ter quarta-feira-qua quinta-feira-qui sexta-feira-sex sábado-sáb
            Español: enero-ene febrero-feb marzo-mar abril-abr mayo-may junio-jun julio-jul agosto-ago septiembre-sep octubre-oct noviembre-nov diciembre-dic | domingo-dom lunes-lun martes-mar miércoles-mié jueves-jue viernes-vie sábado-sáb
            fr: January-Jan February-Feb March-Mar April-Apr May-May June-Jun July-Jul August-Aug September-Sep October-Oct November-Nov December-Dec | Sunday-Sun Monday-Mon Tuesday-Tue Wednesday-Wed Thursday-Thu Friday-Fri Saturday-Sat
            domingo, 1 de março de 2026, 09h05
            MMMMM 03 ddddd 07
        "#]],
    );
}

#[test]
fn the_host_chooses_the_language_of_names() {
    let script = program("HEAR x\nTALK FORMAT(TODAY, \"dddd\")");
    let mut start = start(Limits::default());
    start.variables.push(("language".to_owned(), Value::from("es")));
    let mut machine = Machine::start(script.clone(), start);
    machine.run(Input::Start, now(), 1000);
    let mut machine = Machine::restore(&machine.suspend(), &[script], Limits::default()).unwrap();
    let step = machine.run(Input::text("x"), now(), 1000);
    assert!(
        matches!(&step, Step::Effect(Effect::Talk { text }) if text == "domingo"),
        "{step:?}"
    );
}

#[test]
fn a_pattern_cannot_make_a_text_too_long() {
    check(
        r#"
pattern = "dddd "
FOR i = 1 TO 21
  pattern = pattern + pattern
NEXT
TALK LEN(FORMAT(TODAY, pattern))
"#,
        &[],
        expect![[r#"
            failed R0107 6:10 a text is longer than 10 MB
        "#]],
    );
}
