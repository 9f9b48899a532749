//! Functions, one by one.

use expect_test::expect;

use crate::transcript::check_values;

#[test]
fn functions_on_texts() {
    let cases = [
        r#"LEN("héllo😀")"#,
        r#"LEFT("héllo", 2)"#,
        r#"LEFT("ab", -1)"#,
        r#"RIGHT("héllo", 3)"#,
        r#"RIGHT("ab", 99)"#,
        r#"MID("hello", 2, 3)"#,
        r#"MID("hello", 0, 2)"#,
        r#"MID("hello", -5)"#,
        r#"MID("hello", 99)"#,
        r#""[" + TRIM("  a ") + LTRIM("  b") + RTRIM("c  ") + "]""#,
        r#"UCASE("straße") + UPPER("a")"#,
        r#"LCASE("ÀB") + LOWER("C")"#,
        r#"REPLACE("aXbX", "X", "--")"#,
        r#"REPLACE("a", "", "b")"#,
        r#"INSTR("hello", "l")"#,
        r#"INSTR(4, "hello", "l")"#,
        r#"INSTR("hello", "z")"#,
        r#"INSTR(99, "a", "")"#,
        r#"SPLIT("a,b,,c", ",")"#,
        r#"SPLIT("abc", "")"#,
        r#"SPLIT("", ",")"#,
        r#"JOIN([1, "b", NULL], "-")"#,
        r#"CONCAT("a", 1, TRUE)"#,
        r#"REVERSE("añb")"#,
        r#"ISNUMERIC("12.5") + " " + IS_NUMERIC("x") + " " + ISNUMERIC("inf")"#,
        r#"STR(5) + 5"#,
        r#"VAL("12.5abc") + VAL("x") + VAL("-3")"#,
        r#"CINT("4.5") + CINT(3.4)"#,
        r#"CDBL("2.50")"#,
        r#"JSON({a: [1, "x\"y", NULL, TRUE], d: TODAY})"#,
    ];
    check_values(
        &cases,
        expect![[r#"
        LEN("héllo😀") -> 6
        LEFT("héllo", 2) -> hé
        LEFT("ab", -1) -> 
        RIGHT("héllo", 3) -> llo
        RIGHT("ab", 99) -> ab
        MID("hello", 2, 3) -> ell
        MID("hello", 0, 2) -> he
        MID("hello", -5) -> hello
        MID("hello", 99) -> 
        "[" + TRIM("  a ") + LTRIM("  b") + RTRIM("c  ") + "]" -> [abc]
        UCASE("straße") + UPPER("a") -> STRASSEA
        LCASE("ÀB") + LOWER("C") -> àbc
        REPLACE("aXbX", "X", "--") -> a--b--
        REPLACE("a", "", "b") -> a
        INSTR("hello", "l") -> 3
        INSTR(4, "hello", "l") -> 4
        INSTR("hello", "z") -> 0
        INSTR(99, "a", "") -> 0
        SPLIT("a,b,,c", ",") -> ["a", "b", "", "c"]
        SPLIT("abc", "") -> ["a", "b", "c"]
        SPLIT("", ",") -> []
        JOIN([1, "b", NULL], "-") -> 1-b-
        CONCAT("a", 1, TRUE) -> a1true
        REVERSE("añb") -> bña
        ISNUMERIC("12.5") + " " + IS_NUMERIC("x") + " " + ISNUMERIC("inf") -> true false false
        STR(5) + 5 -> 55
        VAL("12.5abc") + VAL("x") + VAL("-3") -> 9.5
        CINT("4.5") + CINT(3.4) -> 8
        CDBL("2.50") -> 2.5
        JSON({a: [1, "x\"y", NULL, TRUE], d: TODAY}) -> {"a": [1, "x\"y", null, true], "d": "2026-03-01"}
    "#]],
    );
}

#[test]
fn functions_on_numbers() {
    let cases = [
        r#"ABS(-5) + ABS(2.5)"#,
        r#"INT(-2.5)"#,
        r#"FIX(-2.5)"#,
        r#"FLOOR(2.9)"#,
        r#"CEIL(2.1)"#,
        r#"ROUND(2.675, 2)"#,
        r#"ROUND(-2.5)"#,
        r#"ROUND(1234, -2)"#,
        r#"MAX(3, 9.5)"#,
        r#"MAX([1, 7, 3])"#,
        r#"MIN(["b", "a"])"#,
        r#"MAX([])"#,
        r#"MOD(17, 5)"#,
        r#"SGN(-3)"#,
        r#"SQR(16)"#,
        r#"SQRT(-1)"#,
        r#"POW(2, 10)"#,
        r#"POW(2, 0.5)"#,
        r#"POW(10, 1000)"#,
        r#"SUM([1, 2.5, NULL, "3"])"#,
        r#"SUM(["x"])"#,
        r#"AVG([1, 2])"#,
        r#"AVG([])"#,
        r#"PI"#,
        r#"ROUND(PI(), 4)"#,
        r#"INT("x")"#,
        r#"ABS(-9223372036854775807 - 1)"#,
        r#"RANDOM(0)"#,
    ];
    check_values(
        &cases,
        expect![[r#"
        ABS(-5) + ABS(2.5) -> 7.5
        INT(-2.5) -> -3
        FIX(-2.5) -> -2
        FLOOR(2.9) -> 2
        CEIL(2.1) -> 3
        ROUND(2.675, 2) -> 2.68
        ROUND(-2.5) -> -3
        ROUND(1234, -2) -> 1200
        MAX(3, 9.5) -> 9.5
        MAX([1, 7, 3]) -> 7
        MIN(["b", "a"]) -> a
        MAX([]) -> 
        MOD(17, 5) -> 2
        SGN(-3) -> -1
        SQR(16) -> 4
        SQRT(-1) -> failed R0204 1:6 SQR needs a number that is not negative
        POW(2, 10) -> 1024
        POW(2, 0.5) -> 1.4142135623731
        POW(10, 1000) -> failed R0205 1:6 the result is too large for a number
        SUM([1, 2.5, NULL, "3"]) -> 6.5
        SUM(["x"]) -> failed R0204 1:6 SUM needs a number, not a value of type string
        AVG([1, 2]) -> 1.5
        AVG([]) -> 0
        PI -> 3.14159265358979
        ROUND(PI(), 4) -> 3.1416
        INT("x") -> failed R0204 1:6 INT needs a number, not a value of type string
        ABS(-9223372036854775807 - 1) -> 9223372036854780000
        RANDOM(0) -> 0
    "#]],
    );
}

#[test]
fn functions_on_dates() {
    let cases = [
        r#"NOW"#,
        r#"NOW()"#,
        r#"TODAY"#,
        r#"YEAR(TODAY) + "/" + MONTH(TODAY()) + "/" + DAY("2026-03-09")"#,
        r#"HOUR(NOW) + ":" + MINUTE(NOW)"#,
        r#"YEAR("soon")"#,
        r#"TODAY.month"#,
        r#"HOUR("2026-01-01 17:30")"#,
    ];
    check_values(
        &cases,
        expect![[r#"
        NOW -> 2026-03-01 09:05:07
        NOW() -> 2026-03-01 09:05:07
        TODAY -> 2026-03-01
        YEAR(TODAY) + "/" + MONTH(TODAY()) + "/" + DAY("2026-03-09") -> 2026/3/9
        HOUR(NOW) + ":" + MINUTE(NOW) -> 9:5
        YEAR("soon") -> failed R0204 1:6 YEAR needs a date such as 2026-12-31, not a value of type string
        TODAY.month -> 3
        HOUR("2026-01-01 17:30") -> 17
    "#]],
    );
}

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
    "##]],
    );
}

#[test]
fn functions_on_lists() {
    let cases = [
        r#"UBOUND([1, 2, 3])"#,
        r#"UBOUND(SPLIT("a b", " "))"#,
        r#"COUNT(NULL)"#,
        r#"SIZE({a: 1})"#,
        r#"LBOUND([1])"#,
        r#"PUSH([1], 2, 3)"#,
        r#"APPEND(NULL, 1)"#,
        r#"PUSH("x", 1)"#,
        r#"POP([1, 2])"#,
        r#"SLICE([1, 2, 3, 4], 1, 3)"#,
        r#"SLICE([1, 2, 3], -2)"#,
        r#"SLICE([1], 5)"#,
        r#"SORT([3, "b", 1.5, "a", NULL, TRUE])"#,
        r#"SORT_DESC([1, 3, 2])"#,
        r#"UNIQUE([1, "1", 1, [2], [2]])"#,
        r#"CONTAINS([1, 2], 2)"#,
        r#"CONTAINS("hello", "ell")"#,
        r#"CONTAINS({a: 1}, "a")"#,
        r#"INDEX_OF(["a", "b"], "b")"#,
        r#"INDEX_OF([1], 9)"#,
        r#"RANGE(1, 5)"#,
        r#"RANGE(5, 1, -2)"#,
        r#"RANGE(1, 5, -1)"#,
        r#"RANGE(1, 10000000)"#,
        r#"FIRST([7, 8])"#,
        r#"LAST([7, 8])"#,
        r#"FIRST("hello big world")"#,
        r#"LAST("hello big world")"#,
        r#"FIRST([]) IS NULL"#,
        r#"REVERSE([1, 2])"#,
        r#"LAST("")"#,
    ];
    check_values(
        &cases,
        expect![[r#"
        UBOUND([1, 2, 3]) -> 3
        UBOUND(SPLIT("a b", " ")) -> 2
        COUNT(NULL) -> 0
        SIZE({a: 1}) -> 1
        LBOUND([1]) -> 0
        PUSH([1], 2, 3) -> [1, 2, 3]
        APPEND(NULL, 1) -> [1]
        PUSH("x", 1) -> failed R0204 1:6 PUSH needs an array, not a value of type string
        POP([1, 2]) -> 2
        SLICE([1, 2, 3, 4], 1, 3) -> [2, 3]
        SLICE([1, 2, 3], -2) -> [2, 3]
        SLICE([1], 5) -> []
        SORT([3, "b", 1.5, "a", NULL, TRUE]) -> [null, true, 1.5, 3, "a", "b"]
        SORT_DESC([1, 3, 2]) -> [3, 2, 1]
        UNIQUE([1, "1", 1, [2], [2]]) -> [1, "1", [2]]
        CONTAINS([1, 2], 2) -> true
        CONTAINS("hello", "ell") -> true
        CONTAINS({a: 1}, "a") -> true
        INDEX_OF(["a", "b"], "b") -> 1
        INDEX_OF([1], 9) -> -1
        RANGE(1, 5) -> [1, 2, 3, 4, 5]
        RANGE(5, 1, -2) -> [5, 3, 1]
        RANGE(1, 5, -1) -> []
        RANGE(1, 10000000) -> failed R0108 1:6 an array or object has more than 1000000 items
        FIRST([7, 8]) -> 7
        LAST([7, 8]) -> 8
        FIRST("hello big world") -> hello
        LAST("hello big world") -> world
        FIRST([]) IS NULL -> true
        REVERSE([1, 2]) -> [2, 1]
        LAST("") -> 
    "#]],
    );
}

#[test]
fn functions_on_logic() {
    let cases = [
        r#"IIF(1 > 2, "a", "b")"#,
        r#"CHOOSE(2, "a", "b")"#,
        r#"CHOOSE(9, "a") IS NULL"#,
        r#"NVL(NULL, 5)"#,
        r#"COALESCE(NULL, NULL, "x")"#,
        r#"ISNULL(user.x)"#,
        r#"ISEMPTY(" ") + " " + ISEMPTY([]) + " " + ISEMPTY(0)"#,
        r#"TYPEOF(1) + TYPEOF(1.5) + TYPEOF("a") + TYPEOF([]) + TYPEOF({}) + TYPEOF(NULL) + TYPEOF(TRUE) + TYPEOF(NOW) + TYPEOF(TODAY)"#,
        r#"SHIFT([1, 2])"#,
    ];
    check_values(
        &cases,
        expect![[r#"
        IIF(1 > 2, "a", "b") -> b
        CHOOSE(2, "a", "b") -> b
        CHOOSE(9, "a") IS NULL -> true
        NVL(NULL, 5) -> 5
        COALESCE(NULL, NULL, "x") -> x
        ISNULL(user.x) -> true
        ISEMPTY(" ") + " " + ISEMPTY([]) + " " + ISEMPTY(0) -> true true false
        TYPEOF(1) + TYPEOF(1.5) + TYPEOF("a") + TYPEOF([]) + TYPEOF({}) + TYPEOF(NULL) + TYPEOF(TRUE) + TYPEOF(NOW) + TYPEOF(TODAY) -> integernumberstringarrayobjectnullbooleandatetimedate
        SHIFT([1, 2]) -> 1
    "#]],
    );
}
