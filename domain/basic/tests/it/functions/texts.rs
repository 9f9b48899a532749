//! Functions on texts: expression by expression, what TALK shows or how it fails.

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
        r#"LEN("")"#,
        r#"LEN(NULL)"#,
        r#"LEN(12345)"#,
        r#"LEN(-1.5)"#,
        r#"LEN([1, [2, 3]])"#,
        r#"LEN({a: 1, b: 2})"#,
        r#"LEN("👩‍👩‍👧")"#,
        r#"LEN("e" + "́")"#,
        r#"LENGTH("𝒳𝒴")"#,
        r#"LEFT("😀😁😂", 2)"#,
        r#"LEFT("abc", 0)"#,
        r#"LEFT(NULL, 3)"#,
        r#"LEFT("abc", 1e300)"#,
        r#"LEFT("abc", "2")"#,
        r#"LEFT("abc", "x")"#,
        r#"LEFT(12345, 2)"#,
        r#"LEFT("abc", 1.9)"#,
        r#"RIGHT("😀😁😂", 1)"#,
        r#"RIGHT("", 5)"#,
        r#"RIGHT("abc", 0)"#,
        r#"RIGHT("abc", -2)"#,
        r#"MID("😀😁😂", 2, 1)"#,
        r#"MID("abc", 2)"#,
        r#"MID("abc", 2, 0)"#,
        r#"MID("abc", 2, -1)"#,
        r#"MID("", 1, 1)"#,
        r#"MID("abc", 9223372036854775807, 1)"#,
        r#"MID(NULL, 1, 2)"#,
        r#"SUBSTRING("abcdef", 3, 2)"#,
        r#"TRIM("")"#,
        r#"TRIM(NULL)"#,
        r#"LEN(TRIM("\t a b \n"))"#,
        r#"UCASE("")"#,
        r#"UCASE(NULL)"#,
        r#"UCASE("ñandú ß ﬁ")"#,
        r#"LCASE("ÀÉÎ İ")"#,
        r#"UPPER(TRUE)"#,
        r#"REPLACE("aaa", "a", "aa")"#,
        r#"REPLACE("", "a", "b")"#,
        r#"REPLACE("abc", "b", "")"#,
        r#"REPLACE("a😀b", "😀", "-")"#,
        r#"REPLACE(NULL, "a", "b")"#,
        r#"REPLACE("a1", 1, 2)"#,
        r#"REPLACE("Abc", "a", "x")"#,
        r#"INSTR("", "a")"#,
        r#"INSTR("abc", "")"#,
        r#"INSTR(NULL, "a")"#,
        r#"INSTR("a😀b", "b")"#,
        r#"INSTR(0, "abc", "a")"#,
        r#"INSTR(-5, "abc", "a")"#,
        r#"INSTR(2, "abcabc", "a")"#,
        r#"INSTR("ABC", "b")"#,
        r#"INSTR(12321, 3)"#,
        r#"SPLIT("a,b")"#,
        r#"SPLIT("a||b", "||")"#,
        r#"SPLIT("abc", "x")"#,
        r#"SPLIT(NULL, ",")"#,
        r#"SPLIT("😀-😁", "-")"#,
        r#"SPLIT(",", ",")"#,
        r#"JOIN([], ",")"#,
        r#"JOIN(NULL, ",")"#,
        r#"JOIN("x", ",")"#,
        r#"JOIN([1, [2, 3], {a: 1}], "; ")"#,
        r#"JOIN([1, 2])"#,
        r#"CONCAT("")"#,
        r#"CONCAT(NULL, "a", [1], TODAY)"#,
        r#"REVERSE("")"#,
        r#"REVERSE("😀a")"#,
        r#"REVERSE(123)"#,
        r#"ISNUMERIC("")"#,
        r#"ISNUMERIC(NULL)"#,
        r#"ISNUMERIC("-1.5e3")"#,
        r#"ISNUMERIC(" 7 ")"#,
        r#"ISNUMERIC("1,5")"#,
        r#"ISNUMERIC("0x10")"#,
        r#"ISNUMERIC([1])"#,
        r#"STR(NULL) + "|""#,
        r#"STR(1.0)"#,
        r#"STR([1, "a"])"#,
        r#"CSTR(TRUE)"#,
        r#"VAL("")"#,
        r#"VAL(NULL)"#,
        r#"VAL("  42 apples")"#,
        r#"VAL("-.5x")"#,
        r#"VAL("1e3")"#,
        r#"VAL("--3")"#,
        r#"VAL("99999999999999999999")"#,
        r#"VAL([1])"#,
        r#"CINT("2.5")"#,
        r#"CINT(-2.5)"#,
        r#"CINT("x")"#,
        r#"CINT(NULL)"#,
        r#"CINT(1e300)"#,
        r#"CDBL("")"#,
        r#"CDBL("1e400")"#,
        r#"CDBL(TRUE)"#,
        r#"JSON(NULL)"#,
        r#"JSON("a\nb")"#,
        r#"TOJSON([])"#,
        r#"TO_JSON({a: {b: [1.5, FALSE]}})"#,
        r#"JSON('{"b": [1, 2.5, -3, 18446744073709551615], "a": {"c": null}, "é\\u00e9": true}')"#,
        r#"MID(JSON(REPLACE("[[[[[[[[[[[", "[", "[[[[[[[[[[") & " 2" & REPLACE("]]]]]]]]]]]", "]", "]]]]]]]]]]")), 95, 24)"#,
        r#"JSON("[1")"#,
        r#"JSON("[1] 2")"#,
        r#"JSON("😀")"#,
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
        LEN("") -> 0
        LEN(NULL) -> 0
        LEN(12345) -> 5
        LEN(-1.5) -> 4
        LEN([1, [2, 3]]) -> 2
        LEN({a: 1, b: 2}) -> 2
        LEN("👩‍👩‍👧") -> 5
        LEN("e" + "́") -> 2
        LENGTH("𝒳𝒴") -> 2
        LEFT("😀😁😂", 2) -> 😀😁
        LEFT("abc", 0) -> 
        LEFT(NULL, 3) -> 
        LEFT("abc", 1e300) -> abc
        LEFT("abc", "2") -> ab
        LEFT("abc", "x") -> failed R0204 1:6 LEFT needs a whole number, not a value of type string
        LEFT(12345, 2) -> 12
        LEFT("abc", 1.9) -> a
        RIGHT("😀😁😂", 1) -> 😂
        RIGHT("", 5) -> 
        RIGHT("abc", 0) -> 
        RIGHT("abc", -2) -> 
        MID("😀😁😂", 2, 1) -> 😁
        MID("abc", 2) -> bc
        MID("abc", 2, 0) -> 
        MID("abc", 2, -1) -> 
        MID("", 1, 1) -> 
        MID("abc", 9223372036854775807, 1) -> 
        MID(NULL, 1, 2) -> 
        SUBSTRING("abcdef", 3, 2) -> cd
        TRIM("") -> 
        TRIM(NULL) -> 
        LEN(TRIM("\t a b \n")) -> 3
        UCASE("") -> 
        UCASE(NULL) -> 
        UCASE("ñandú ß ﬁ") -> ÑANDÚ SS FI
        LCASE("ÀÉÎ İ") -> àéî i̇
        UPPER(TRUE) -> TRUE
        REPLACE("aaa", "a", "aa") -> aaaaaa
        REPLACE("", "a", "b") -> 
        REPLACE("abc", "b", "") -> ac
        REPLACE("a😀b", "😀", "-") -> a-b
        REPLACE(NULL, "a", "b") -> 
        REPLACE("a1", 1, 2) -> a2
        REPLACE("Abc", "a", "x") -> Abc
        INSTR("", "a") -> 0
        INSTR("abc", "") -> 1
        INSTR(NULL, "a") -> 0
        INSTR("a😀b", "b") -> 3
        INSTR(0, "abc", "a") -> 1
        INSTR(-5, "abc", "a") -> 1
        INSTR(2, "abcabc", "a") -> 4
        INSTR("ABC", "b") -> 0
        INSTR(12321, 3) -> 3
        SPLIT("a,b") -> ["a", "b"]
        SPLIT("a||b", "||") -> ["a", "b"]
        SPLIT("abc", "x") -> ["abc"]
        SPLIT(NULL, ",") -> []
        SPLIT("😀-😁", "-") -> ["😀", "😁"]
        SPLIT(",", ",") -> ["", ""]
        JOIN([], ",") -> 
        JOIN(NULL, ",") -> 
        JOIN("x", ",") -> x
        JOIN([1, [2, 3], {a: 1}], "; ") -> 1; [2, 3]; {"a": 1}
        JOIN([1, 2]) -> 1,2
        CONCAT("") -> 
        CONCAT(NULL, "a", [1], TODAY) -> a[1]2026-03-01
        REVERSE("") -> 
        REVERSE("😀a") -> a😀
        REVERSE(123) -> 321
        ISNUMERIC("") -> false
        ISNUMERIC(NULL) -> false
        ISNUMERIC("-1.5e3") -> true
        ISNUMERIC(" 7 ") -> true
        ISNUMERIC("1,5") -> false
        ISNUMERIC("0x10") -> false
        ISNUMERIC([1]) -> false
        STR(NULL) + "|" -> |
        STR(1.0) -> 1
        STR([1, "a"]) -> [1, "a"]
        CSTR(TRUE) -> true
        VAL("") -> 0
        VAL(NULL) -> 0
        VAL("  42 apples") -> 42
        VAL("-.5x") -> -0.5
        VAL("1e3") -> 1
        VAL("--3") -> 0
        VAL("99999999999999999999") -> 100000000000000000000
        VAL([1]) -> failed R0204 1:6 VAL needs a number, not a value of type array
        CINT("2.5") -> 3
        CINT(-2.5) -> -3
        CINT("x") -> failed R0204 1:6 CINT needs a number, not a value of type string
        CINT(NULL) -> 0
        CINT(1e300) -> 1e300
        CDBL("") -> failed R0204 1:6 CDBL needs a number, not a value of type string
        CDBL("1e400") -> failed R0204 1:6 CDBL needs a number, not a value of type string
        CDBL(TRUE) -> 1
        JSON(NULL) -> null
        JSON("a\nb") -> "a\nb"
        TOJSON([]) -> []
        TO_JSON({a: {b: [1.5, FALSE]}}) -> {"a": {"b": [1.5, false]}}
        JSON('{"b": [1, 2.5, -3, 18446744073709551615], "a": {"c": null}, "é\\u00e9": true}') -> {"b": [1, 2.5, -3, 18446744073709600000], "a": {"c": null}, "éé": true}
        MID(JSON(REPLACE("[[[[[[[[[[[", "[", "[[[[[[[[[[") & " 2" & REPLACE("]]]]]]]]]]]", "]", "]]]]]]]]]]")), 95, 24) -> [[[[[["[[[[[[[[[[ 2]]]]]
        JSON("[1") -> "[1"
        JSON("[1] 2") -> "[1] 2"
        JSON("😀") -> "😀"
    "#]],
    );
}

#[test]
fn forms_characters_and_json() {
    check_values(
        &[
            r#""Gaivota" LIKE "gai%""#,
            r#""Gaivota" LIKE "g_i%o_a" AND NOT "x" LIKE "y""#,
            r#""Gaivota" NOT LIKE "gai%""#,
            r#"2 IN [1, 2]"#,
            r#""b" IN ("a", "b")"#,
            r#"2 NOT IN (1, 3)"#,
            r#"[1, 2] CONTAINS 2 OR FALSE"#,
            r#""harbour" CONTAINS "arb""#,
            r#"2 IN ([1, 2])"#,
            r#"CHR(10) + CHR("65") + CHR(8364)"#,
            r#"CHR(-1)"#,
            r#"CHR(55296)"#,
            r#"ASC("€")"#,
            r#"ASC("")"#,
            r#"JSON("{\"a\": [1, 2.5]}").a[1]"#,
            r#"JSON("{a")"#,
            r#"JSON("plain")"#,
            r#"JSON({a: 1})"#,
            r#"TOJSON("[1]")"#,
            r#"KEYS({b: 1, a: 2})"#,
            r#"KEYS(NULL)"#,
            r#"KEYS(5)"#,
        ],
        expect![[r#"
            "Gaivota" LIKE "gai%" -> true
            "Gaivota" LIKE "g_i%o_a" AND NOT "x" LIKE "y" -> true
            "Gaivota" NOT LIKE "gai%" -> false
            2 IN [1, 2] -> true
            "b" IN ("a", "b") -> true
            2 NOT IN (1, 3) -> true
            [1, 2] CONTAINS 2 OR FALSE -> true
            "harbour" CONTAINS "arb" -> true
            2 IN ([1, 2]) -> true
            CHR(10) + CHR("65") + CHR(8364) -> 
            A€
            CHR(-1) -> failed R0204 1:6 CHR needs the number of a character
            CHR(55296) -> failed R0204 1:6 CHR needs the number of a character
            ASC("€") -> 8364
            ASC("") -> 
            JSON("{\"a\": [1, 2.5]}").a[1] -> 2.5
            JSON("{a") -> "{a"
            JSON("plain") -> "plain"
            JSON({a: 1}) -> {"a": 1}
            TOJSON("[1]") -> "[1]"
            KEYS({b: 1, a: 2}) -> ["b", "a"]
            KEYS(NULL) -> []
            KEYS(5) -> failed R0204 1:6 KEYS needs an object, not a value of type integer
        "#]],
    );
}
