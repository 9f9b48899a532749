//! Functions that choose and ask, ids, and values inside of texts: expression by expression, what TALK shows or how it fails.

use expect_test::expect;

use crate::transcript::check_values;

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
        r#"IIF(NULL, 1, 2)"#,
        r#"IIF("", 1, 2)"#,
        r#"IIF("0", 1, 2)"#,
        r#"IIF([], 1, 2)"#,
        r#"IIF({a: 1}, [1], 2)"#,
        r#"CHOOSE(0, "a") IS NULL"#,
        r#"CHOOSE(-1, "a") IS NULL"#,
        r#"CHOOSE(1.9, "a", "b")"#,
        r#"CHOOSE("2", "a", "b")"#,
        r#"CHOOSE("x", "a")"#,
        r#"NVL("", 5) + "|""#,
        r#"NVL(0, 5)"#,
        r#"IFNULL(NULL, NULL) IS NULL"#,
        r#"COALESCE(NULL)"#,
        r#"ISNULL(NULL)"#,
        r#"ISNULL("")"#,
        r#"ISNULL(0)"#,
        r#"ISEMPTY(NULL)"#,
        r#"ISEMPTY({})"#,
        r#"ISEMPTY(FALSE)"#,
        r#"ISEMPTY([NULL])"#,
        r#"TYPENAME(user)"#,
        r#"IS_STRING("")"#,
        r#"IS_STRING(1)"#,
        r#"IS_STRING(NULL)"#,
        r#"IS_NUMBER(1.5)"#,
        r#"IS_NUMBER("1")"#,
        r#"IS_BOOL(FALSE)"#,
        r#"IS_BOOL(0)"#,
        r#"IS_BOOLEAN(TRUE)"#,
        r#"IS_ARRAY([])"#,
        r#"IS_ARRAY("a")"#,
        r#"IS_OBJECT({})"#,
        r#"IS_OBJECT([])"#,
        r#"IS_ERROR({error: "no"})"#,
        r#"IS_ERROR({error: NULL})"#,
        r#"IS_ERROR(NULL)"#,
        r#"NOT(TRUE)"#,
        r#"NOT(NULL)"#,
        r#"AND(TRUE, 1, "a")"#,
        r#"AND(TRUE, 0)"#,
        r#"AND([])"#,
        r#"OR(FALSE, NULL, "")"#,
        r#"OR(FALSE, 2)"#,
        r#"TRUE AND (FALSE OR TRUE)"#,
        r#"SWITCH_FUNC(2, 1, "one", 2, "two")"#,
        r#"SWITCH_FUNC(9, 1, "one", "other")"#,
        r#"SWITCH_FUNC(9, 1, "one") IS NULL"#,
        r#"SWITCH_FUNC("a", "A", 1, "a", 2)"#,
        r#"SWITCH_FUNC(NULL, NULL, "nothing")"#,
        r#"LEN(GUID())"#,
        r#"MID(UUID(), 15, 1)"#,
        r#"INSTR("89ab", MID(GUID(), 20, 1)) > 0"#,
        r#"GUID() <> GUID()"#,
        r#""${1 + 1} and ${UCASE("x")}""#,
        r#""${LEN("😀")}$""#,
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
        IIF(NULL, 1, 2) -> 2
        IIF("", 1, 2) -> 2
        IIF("0", 1, 2) -> 1
        IIF([], 1, 2) -> 2
        IIF({a: 1}, [1], 2) -> [1]
        CHOOSE(0, "a") IS NULL -> true
        CHOOSE(-1, "a") IS NULL -> true
        CHOOSE(1.9, "a", "b") -> a
        CHOOSE("2", "a", "b") -> b
        CHOOSE("x", "a") -> failed R0204 1:6 CHOOSE needs a whole number, not a value of type string
        NVL("", 5) + "|" -> |
        NVL(0, 5) -> 0
        IFNULL(NULL, NULL) IS NULL -> true
        COALESCE(NULL) -> 
        ISNULL(NULL) -> true
        ISNULL("") -> false
        ISNULL(0) -> false
        ISEMPTY(NULL) -> true
        ISEMPTY({}) -> true
        ISEMPTY(FALSE) -> false
        ISEMPTY([NULL]) -> false
        TYPENAME(user) -> object
        IS_STRING("") -> true
        IS_STRING(1) -> false
        IS_STRING(NULL) -> false
        IS_NUMBER(1.5) -> true
        IS_NUMBER("1") -> false
        IS_BOOL(FALSE) -> true
        IS_BOOL(0) -> false
        IS_BOOLEAN(TRUE) -> true
        IS_ARRAY([]) -> true
        IS_ARRAY("a") -> false
        IS_OBJECT({}) -> true
        IS_OBJECT([]) -> false
        IS_ERROR({error: "no"}) -> true
        IS_ERROR({error: NULL}) -> false
        IS_ERROR(NULL) -> false
        NOT(TRUE) -> false
        NOT(NULL) -> true
        AND(TRUE, 1, "a") -> true
        AND(TRUE, 0) -> false
        AND([]) -> false
        OR(FALSE, NULL, "") -> false
        OR(FALSE, 2) -> true
        TRUE AND (FALSE OR TRUE) -> true
        SWITCH_FUNC(2, 1, "one", 2, "two") -> two
        SWITCH_FUNC(9, 1, "one", "other") -> other
        SWITCH_FUNC(9, 1, "one") IS NULL -> true
        SWITCH_FUNC("a", "A", 1, "a", 2) -> 2
        SWITCH_FUNC(NULL, NULL, "nothing") -> nothing
        LEN(GUID()) -> 36
        MID(UUID(), 15, 1) -> 4
        INSTR("89ab", MID(GUID(), 20, 1)) > 0 -> true
        GUID() <> GUID() -> true
        "${1 + 1} and ${UCASE("x")}" -> 2 and X
        "${LEN("😀")}$" -> 1$
    "#]],
    );
}
