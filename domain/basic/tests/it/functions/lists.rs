//! Functions on arrays: expression by expression, what TALK shows or how it fails.

use expect_test::expect;

use crate::transcript::check_values;

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
        r#"UBOUND([])"#,
        r#"UBOUND(NULL)"#,
        r#"UBOUND("héllo")"#,
        r#"UBOUND(5)"#,
        r#"COUNT([[1, 2], [3]])"#,
        r#"LBOUND(NULL)"#,
        r#"PUSH([], NULL)"#,
        r#"PUSH([1], [2])"#,
        r#"APPEND([1], 2)"#,
        r#"POP([])"#,
        r#"POP(NULL) IS NULL"#,
        r#"POP("x")"#,
        r#"SHIFT([])"#,
        r#"SHIFT(NULL) IS NULL"#,
        r#"UNSHIFT([3], 1, 2)"#,
        r#"PREPEND(NULL, 1)"#,
        r#"UNSHIFT("x", 1)"#,
        r#"SLICE([], 0)"#,
        r#"SLICE([1, 2, 3], 2, 1)"#,
        r#"SLICE([1, 2, 3], 0, -1)"#,
        r#"SLICE([1, 2, 3], -99, 99)"#,
        r#"SLICE([1], "x")"#,
        r#"SUBARRAY([1, 2, 3], 1, 2)"#,
        r#"SLICE("abc", 1)"#,
        r#"SORT([])"#,
        r#"SORT(NULL)"#,
        r#"SORT(["b", "B", "a", "10", "9"])"#,
        r#"SORT([10, 9, "1"])"#,
        r#"SORT(["é", "f", "e"])"#,
        r#"SORT([[2], [1]])"#,
        r#"SORT("cab")"#,
        r#"SORT_ASC([2, 1])"#,
        r#"SORT_DESC(["a", NULL, 1])"#,
        r#"REVERSE([])"#,
        r#"REVERSE([[1, 2], [3]])"#,
        r#"UNIQUE([])"#,
        r#"UNIQUE([1, 1.0, "a", "A", NULL, NULL])"#,
        r#"DISTINCT([{a: 1}, {a: 1}])"#,
        r#"CONTAINS([], 1)"#,
        r#"CONTAINS(NULL, 1)"#,
        r#"CONTAINS(["1"], 1)"#,
        r#"CONTAINS([[1]], [1])"#,
        r#"CONTAINS("", "")"#,
        r#"CONTAINS("héllo", "É")"#,
        r#"IN_ARRAY(["a"], "a")"#,
        r#"INCLUDES([1, 2], 3)"#,
        r#"HAS({a: NULL}, "A")"#,
        r#"INDEX_OF("a😀b", "b")"#,
        r#"INDEX_OF([], 1)"#,
        r#"INDEX_OF([NULL], NULL)"#,
        r#"INDEX_OF([[1], [2]], [2])"#,
        r#"LAST_INDEX_OF([1, 2, 1], 1)"#,
        r#"LAST_INDEX_OF("banana", "an")"#,
        r#"LAST_INDEX_OF(NULL, 1)"#,
        r#"RANGE(1, 1)"#,
        r#"RANGE(3, 1)"#,
        r#"RANGE(1, 2, 0)"#,
        r#"RANGE("1", 3)"#,
        r#"RANGE(9223372036854775806, 9223372036854775807)"#,
        r#"RANGE(-9223372036854775807, 9223372036854775807)"#,
        r#"FLATTEN([1, [2, [3, []]], "a"])"#,
        r#"FLATTEN([])"#,
        r#"FLATTEN(NULL)"#,
        r#"FLATTEN("ab")"#,
        r#"CHUNK([1, 2, 3, 4, 5], 2)"#,
        r#"BATCH([], 3)"#,
        r#"CHUNK([1], 0)"#,
        r#"CHUNK([1, 2], -1)"#,
        r#"CHUNK([1, 2], 99)"#,
        r#"TAKE([1, 2, 3], 2)"#,
        r#"TAKE([1], 99)"#,
        r#"TAKE([1], -1)"#,
        r#"TAKE("😀bc", 2)"#,
        r#"HEAD([1, 2], 1)"#,
        r#"HEAD(NULL, 2)"#,
        r#"DROP([1, 2, 3], 1)"#,
        r#"DROP([1], 5)"#,
        r#"TAIL([1, 2, 3], 2)"#,
        r#"TAIL([1], 0)"#,
        r#"TAIL(5, 1)"#,
        r#"FIRST("")"#,
        r#"FIRST(NULL) IS NULL"#,
        r#"FIRST(5)"#,
        r#"FIRST("  a b ")"#,
        r#"LAST([[1], [2]])"#,
        r#"LAST([])"#,
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
            UBOUND([]) -> 0
            UBOUND(NULL) -> 0
            UBOUND("héllo") -> 5
            UBOUND(5) -> 1
            COUNT([[1, 2], [3]]) -> 2
            LBOUND(NULL) -> 0
            PUSH([], NULL) -> [null]
            PUSH([1], [2]) -> [1, [2]]
            APPEND([1], 2) -> [1, 2]
            POP([]) -> 
            POP(NULL) IS NULL -> true
            POP("x") -> failed R0204 1:6 POP needs an array, not a value of type string
            SHIFT([]) -> 
            SHIFT(NULL) IS NULL -> true
            UNSHIFT([3], 1, 2) -> [1, 2, 3]
            PREPEND(NULL, 1) -> [1]
            UNSHIFT("x", 1) -> failed R0204 1:6 UNSHIFT needs an array, not a value of type string
            SLICE([], 0) -> []
            SLICE([1, 2, 3], 2, 1) -> []
            SLICE([1, 2, 3], 0, -1) -> [1, 2]
            SLICE([1, 2, 3], -99, 99) -> [1, 2, 3]
            SLICE([1], "x") -> failed R0204 1:6 SLICE needs a whole number, not a value of type string
            SUBARRAY([1, 2, 3], 1, 2) -> [2]
            SLICE("abc", 1) -> failed R0204 1:6 SLICE needs an array, not a value of type string
            SORT([]) -> []
            SORT(NULL) -> []
            SORT(["b", "B", "a", "10", "9"]) -> ["10", "9", "B", "a", "b"]
            SORT([10, 9, "1"]) -> [9, 10, "1"]
            SORT(["é", "f", "e"]) -> ["e", "f", "é"]
            SORT([[2], [1]]) -> [[2], [1]]
            SORT("cab") -> failed R0204 1:6 SORT needs an array, not a value of type string
            SORT_ASC([2, 1]) -> [1, 2]
            SORT_DESC(["a", NULL, 1]) -> ["a", 1, null]
            REVERSE([]) -> []
            REVERSE([[1, 2], [3]]) -> [[3], [1, 2]]
            UNIQUE([]) -> []
            UNIQUE([1, 1.0, "a", "A", NULL, NULL]) -> [1, "a", "A", null]
            DISTINCT([{a: 1}, {a: 1}]) -> [{"a": 1}]
            CONTAINS([], 1) -> false
            CONTAINS(NULL, 1) -> false
            CONTAINS(["1"], 1) -> true
            CONTAINS([[1]], [1]) -> true
            CONTAINS("", "") -> true
            CONTAINS("héllo", "É") -> false
            IN_ARRAY(["a"], "a") -> true
            INCLUDES([1, 2], 3) -> false
            HAS({a: NULL}, "A") -> true
            INDEX_OF("a😀b", "b") -> 2
            INDEX_OF([], 1) -> -1
            INDEX_OF([NULL], NULL) -> 0
            INDEX_OF([[1], [2]], [2]) -> 1
            LAST_INDEX_OF([1, 2, 1], 1) -> 2
            LAST_INDEX_OF("banana", "an") -> 3
            LAST_INDEX_OF(NULL, 1) -> -1
            RANGE(1, 1) -> [1]
            RANGE(3, 1) -> [3, 2, 1]
            RANGE(1, 2, 0) -> failed R0204 1:6 RANGE needs a step other than 0
            RANGE("1", 3) -> [1, 2, 3]
            RANGE(9223372036854775806, 9223372036854775807) -> [9223372036854775806, 9223372036854775807]
            RANGE(-9223372036854775807, 9223372036854775807) -> failed R0108 1:6 an array or object has more than 1000000 items
            FLATTEN([1, [2, [3, []]], "a"]) -> [1, 2, 3, "a"]
            FLATTEN([]) -> []
            FLATTEN(NULL) -> []
            FLATTEN("ab") -> failed R0204 1:6 FLATTEN needs an array, not a value of type string
            CHUNK([1, 2, 3, 4, 5], 2) -> [[1, 2], [3, 4], [5]]
            BATCH([], 3) -> []
            CHUNK([1], 0) -> failed R0204 1:6 CHUNK needs a size of 1 or more
            CHUNK([1, 2], -1) -> failed R0204 1:6 CHUNK needs a size of 1 or more
            CHUNK([1, 2], 99) -> [[1, 2]]
            TAKE([1, 2, 3], 2) -> [1, 2]
            TAKE([1], 99) -> [1]
            TAKE([1], -1) -> []
            TAKE("😀bc", 2) -> 😀b
            HEAD([1, 2], 1) -> [1]
            HEAD(NULL, 2) -> []
            DROP([1, 2, 3], 1) -> [2, 3]
            DROP([1], 5) -> []
            TAIL([1, 2, 3], 2) -> [2, 3]
            TAIL([1], 0) -> []
            TAIL(5, 1) -> failed R0204 1:6 TAIL needs an array, not a value of type integer
            FIRST("") -> 
            FIRST(NULL) IS NULL -> true
            FIRST(5) -> 5
            FIRST("  a b ") -> a
            LAST([[1], [2]]) -> [2]
            LAST([]) -> 
        "#]],
    );
}
