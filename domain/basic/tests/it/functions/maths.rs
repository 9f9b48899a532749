//! Functions on numbers: expression by expression, what TALK shows or how it fails.

use expect_test::expect;

use crate::transcript::check_values;

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
        r#"ABS(NULL)"#,
        r#"ABS("-2.5")"#,
        r#"ABS(TRUE)"#,
        r#"ABS([1])"#,
        r#"INT(2.9999999)"#,
        r#"INT(-0.5)"#,
        r#"INT("7.9")"#,
        r#"INT(1e300)"#,
        r#"INT(NULL)"#,
        r#"FLOOR(-1)"#,
        r#"FIX(2.9)"#,
        r#"FIX(-0.9)"#,
        r#"CEIL(-2.1)"#,
        r#"CEILING(2)"#,
        r#"CEIL(NULL)"#,
        r#"ROUND(0.5)"#,
        r#"ROUND(1.005, 2)"#,
        r#"ROUND(-1.005, 2)"#,
        r#"ROUND(2.5, 0)"#,
        r#"ROUND(1e300, 2)"#,
        r#"ROUND(15, -1)"#,
        r#"ROUND(1.23456789, 99)"#,
        r#"ROUND("3.14159", 2)"#,
        r#"ROUND(NULL)"#,
        r#"ROUND(0.1 + 0.2, 1)"#,
        r#"MAX(1)"#,
        r#"MAX(1, 2, 3)"#,
        r#"MAX(1, "2")"#,
        r#"MAX([NULL, 3])"#,
        r#"MAX("a", "b")"#,
        r#"MIN(3, 1.5, 2)"#,
        r#"MIN([])"#,
        r#"MIN(-0.5, 0)"#,
        r#"MIN(TODAY, "2020-01-01")"#,
        r#"MOD(-7, 3)"#,
        r#"MOD(7, -3)"#,
        r#"MOD(7.5, 2)"#,
        r#"MOD(1, 0)"#,
        r#"SGN(0)"#,
        r#"SGN(NULL)"#,
        r#"SIGN(1e-300)"#,
        r#"SQR(2)"#,
        r#"SQR(0)"#,
        r#"POW(0, 0)"#,
        r#"POW(2, -1)"#,
        r#"POW(-8, 3)"#,
        r#"POW(-1, 0.5)"#,
        r#"POWER(2, 62)"#,
        r#"POW(2, 64)"#,
        r#"SIN(0)"#,
        r#"ROUND(SIN(PI() / 2), 10)"#,
        r#"COS(0)"#,
        r#"ROUND(TAN(PI / 4), 10)"#,
        r#"ASIN(1) * 2 = PI"#,
        r#"ASIN(2)"#,
        r#"ACOS(1)"#,
        r#"ACOS(-1.5)"#,
        r#"ATAN(0)"#,
        r#"ROUND(ATN(1) * 4, 5)"#,
        r#"LOG(1)"#,
        r#"LOG(0)"#,
        r#"LOG(-1)"#,
        r#"ROUND(LOG(10), 4)"#,
        r#"LOG10(1000)"#,
        r#"LOG10("x")"#,
        r#"EXP(0)"#,
        r#"ROUND(EXP(1), 5)"#,
        r#"EXP(1000)"#,
        r#"EXP(-1000)"#,
        r#"SIN("x")"#,
        r#"SIN(NULL)"#,
        r#"SUM(1, 2, 3)"#,
        r#"SUM([])"#,
        r#"SUM(NULL)"#,
        r#"SUM([0.1, 0.2])"#,
        r#"SUM([9223372036854775807, 1])"#,
        r#"SUM([[1, 2], 3])"#,
        r#"SUM([{price: 2}, {price: "3"}, {}], "price")"#,
        r#"AVG([{at: {price: 2}}, {at: {price: 4}}], "at.price")"#,
        r#"AVG(1, 2, 6)"#,
        r#"AVERAGE([NULL, 4])"#,
        r#"AVERAGE(["a"])"#,
        r#"PRODUCT([2, 3, 4])"#,
        r#"PRODUCT([])"#,
        r#"PRODUCT([1e200, 1e200])"#,
        r#"PRODUCT(2, "2.5")"#,
        r#"RANDOM(1, 1)"#,
        r#"RANDOM(5, 5) + RANDOM(-3)"#,
        r#"RANDOM("x")"#,
        r#"RND() < 1"#,
        r#"RANDOM() >= 0"#,
        r#"RANDOM(3, 1) >= 1"#,
        r#"RANDOM < 1"#,
        r#"1e308 * 10"#,
        r#"9223372036854775807 + 1"#,
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
            ABS(NULL) -> 0
            ABS("-2.5") -> 2.5
            ABS(TRUE) -> 1
            ABS([1]) -> failed R0204 1:6 ABS needs a number, not a value of type array
            INT(2.9999999) -> 2
            INT(-0.5) -> -1
            INT("7.9") -> 7
            INT(1e300) -> 1e300
            INT(NULL) -> 0
            FLOOR(-1) -> -1
            FIX(2.9) -> 2
            FIX(-0.9) -> 0
            CEIL(-2.1) -> -2
            CEILING(2) -> 2
            CEIL(NULL) -> 0
            ROUND(0.5) -> 1
            ROUND(1.005, 2) -> 1.01
            ROUND(-1.005, 2) -> -1.01
            ROUND(2.5, 0) -> 3
            ROUND(1e300, 2) -> 1e300
            ROUND(15, -1) -> 20
            ROUND(1.23456789, 99) -> 1.23456789
            ROUND("3.14159", 2) -> 3.14
            ROUND(NULL) -> 0
            ROUND(0.1 + 0.2, 1) -> 0.3
            MAX(1) -> 1
            MAX(1, 2, 3) -> 3
            MAX(1, "2") -> 2
            MAX([NULL, 3]) -> 3
            MAX("a", "b") -> b
            MIN(3, 1.5, 2) -> 1.5
            MIN([]) -> 
            MIN(-0.5, 0) -> -0.5
            MIN(TODAY, "2020-01-01") -> 2020-01-01
            MOD(-7, 3) -> -1
            MOD(7, -3) -> 1
            MOD(7.5, 2) -> 1.5
            MOD(1, 0) -> failed R0202 1:6 division by zero
            SGN(0) -> 0
            SGN(NULL) -> 0
            SIGN(1e-300) -> 1
            SQR(2) -> 1.4142135623731
            SQR(0) -> 0
            POW(0, 0) -> 1
            POW(2, -1) -> 0.5
            POW(-8, 3) -> -512
            POW(-1, 0.5) -> failed R0204 1:6 no number is the result of this, as of the root of a negative number
            POWER(2, 62) -> 4611686018427387904
            POW(2, 64) -> 18446744073709600000
            SIN(0) -> 0
            ROUND(SIN(PI() / 2), 10) -> 1
            COS(0) -> 1
            ROUND(TAN(PI / 4), 10) -> 1
            ASIN(1) * 2 = PI -> true
            ASIN(2) -> failed R0204 1:6 ASIN needs a number from -1 to 1
            ACOS(1) -> 0
            ACOS(-1.5) -> failed R0204 1:6 ACOS needs a number from -1 to 1
            ATAN(0) -> 0
            ROUND(ATN(1) * 4, 5) -> 3.14159
            LOG(1) -> 0
            LOG(0) -> failed R0204 1:6 LOG needs a number above 0
            LOG(-1) -> failed R0204 1:6 LOG needs a number above 0
            ROUND(LOG(10), 4) -> 2.3026
            LOG10(1000) -> 3
            LOG10("x") -> failed R0204 1:6 LOG10 needs a number, not a value of type string
            EXP(0) -> 1
            ROUND(EXP(1), 5) -> 2.71828
            EXP(1000) -> failed R0205 1:6 the result is too large for a number
            EXP(-1000) -> 0
            SIN("x") -> failed R0204 1:6 SIN needs a number, not a value of type string
            SIN(NULL) -> 0
            SUM(1, 2, 3) -> 6
            SUM([]) -> 0
            SUM(NULL) -> 0
            SUM([0.1, 0.2]) -> 0.3
            SUM([9223372036854775807, 1]) -> 9223372036854780000
            SUM([[1, 2], 3]) -> failed R0204 1:6 SUM needs a number, not a value of type array
            SUM([{price: 2}, {price: "3"}, {}], "price") -> 5
            AVG([{at: {price: 2}}, {at: {price: 4}}], "at.price") -> 3
            AVG(1, 2, 6) -> 3
            AVERAGE([NULL, 4]) -> 4
            AVERAGE(["a"]) -> failed R0204 1:6 AVG needs a number, not a value of type string
            PRODUCT([2, 3, 4]) -> 24
            PRODUCT([]) -> 1
            PRODUCT([1e200, 1e200]) -> failed R0205 1:6 the result is too large for a number
            PRODUCT(2, "2.5") -> 5
            RANDOM(1, 1) -> 1
            RANDOM(5, 5) + RANDOM(-3) -> 5
            RANDOM("x") -> failed R0204 1:6 RANDOM needs a whole number, not a value of type string
            RND() < 1 -> true
            RANDOM() >= 0 -> true
            RANDOM(3, 1) >= 1 -> true
            RANDOM < 1 -> true
            1e308 * 10 -> failed R0205 1:6 the result is too large for a number
            9223372036854775807 + 1 -> 9223372036854780000
        "#]],
    );
}
