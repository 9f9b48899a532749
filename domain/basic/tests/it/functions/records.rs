//! Functions on lists of records: expression by expression, what TALK shows or how it fails.

use expect_test::expect;

use crate::transcript::{check, check_values};

#[test]
fn functions_on_records() {
    let cases = [
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age > 18"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age>=36 AND n <> 'Ada'"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n = Bo OR n = \"Ada\""))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "NOT age < 30"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "(age < 20 OR age > 38) AND n LIKE '%o%'"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n like 'a__'"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n NOT LIKE '%a'"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "tags CONTAINS b"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n CONTAINS 'D'"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "at.city = 'Rome'"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "at.city IS NOT NULL"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "tags IS NULL"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age IN (17, 40)"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n NOT IN ('Ada', 'Bo')"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n = 'Cy O''Neil'"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n = Cy O'Neil"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age = 36 && n = Ada"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age = '36'"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "missing = ''"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "missing = NULL"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n = ANDREA OR age = 17"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], ""))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age >"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age = 1 AND"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "(age = 1"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age = 'x"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age = 1) "))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "= 1"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age ~ 1"))"#,
        r#"COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n = Ada and age = 36"))"#,
        r#"FILTER(NULL, "a = 1")"#,
        r#"FILTER([1, 2], "a = 1")"#,
        r#"FILTER("x", "a = 1")"#,
        r#"FILTER([{a: 1}], "((((((((((((((((((((((((((((((((((((((((a = 1))))))))))))))))))))))))))))))))))))))))")"#,
        r#"MAP([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n")"#,
        r#"MAP([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n -> name, at.city->town")"#,
        r#"MAP([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n, age")"#,
        r#"MAP([1], "a")"#,
        r#"MAP(NULL, "a")"#,
        r#"MAP([{a: 1}], "a,,b")"#,
        r#"MAP([{a: 1}], "->b")"#,
        r#"MAP("x", "a")"#,
        r#"FILL([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "{{n}} is {{age}}")"#,
        r#"FILL({a: 1, b: [2]}, {x: "{{a}}", y: ["<{{b}}>", 3], "{{a}}": "{{ c }}!"})"#,
        r#"FILL([], "x")"#,
        r#"FILL(NULL, "x")"#,
        r#"FILL([{a: 1}], 5)"#,
        r#"FILL([{a: 1}], "{{a")"#,
        r#"FILL([{a: "{{a}}"}], "-{{a}}-")"#,
        r#"FILL(5, "{{a}}!")"#,
    ];
    check_values(
        &cases,
        expect![[r#"
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age > 18")) -> 2
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age>=36 AND n <> 'Ada'")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n = Bo OR n = \"Ada\"")) -> 2
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "NOT age < 30")) -> 2
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "(age < 20 OR age > 38) AND n LIKE '%o%'")) -> 2
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n like 'a__'")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n NOT LIKE '%a'")) -> 2
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "tags CONTAINS b")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n CONTAINS 'D'")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "at.city = 'Rome'")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "at.city IS NOT NULL")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "tags IS NULL")) -> 2
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age IN (17, 40)")) -> 2
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n NOT IN ('Ada', 'Bo')")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n = 'Cy O''Neil'")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n = Cy O'Neil")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age = 36 && n = Ada")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age = '36'")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "missing = ''")) -> 3
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "missing = NULL")) -> 3
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n = ANDREA OR age = 17")) -> 1
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "")) -> failed R0204 1:12 the condition needs the name of a field at its end
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age")) -> failed R0204 1:12 the condition needs a comparison such as =, <> or LIKE at its end
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age >")) -> failed R0204 1:12 the condition needs a value at its end
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age = 1 AND")) -> failed R0204 1:12 the condition needs the name of a field at its end
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "(age = 1")) -> failed R0204 1:12 the condition needs `)` at its end
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age = 'x")) -> failed R0204 1:12 the condition needs a quotation mark that is closed at `'x`
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age = 1) ")) -> failed R0204 1:12 the condition needs AND, OR or the end at `) `
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "= 1")) -> failed R0204 1:12 the condition needs the name of a field at `= 1`
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "age ~ 1")) -> failed R0204 1:12 the condition needs a comparison such as =, <> or LIKE at `~ 1`
        COUNT(FILTER([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n = Ada and age = 36")) -> 1
        FILTER(NULL, "a = 1") -> []
        FILTER([1, 2], "a = 1") -> []
        FILTER("x", "a = 1") -> failed R0204 1:6 FILTER needs an array, not a value of type string
        FILTER([{a: 1}], "((((((((((((((((((((((((((((((((((((((((a = 1))))))))))))))))))))))))))))))))))))))))") -> failed R0204 1:6 the condition is nested too deeply
        MAP([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n") -> ["Ada", "Bo", "Cy O'Neil"]
        MAP([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n -> name, at.city->town") -> [{"name": "Ada", "town": "Rome"}, {"name": "Bo", "town": null}, {"name": "Cy O'Neil", "town": null}]
        MAP([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "n, age") -> [{"n": "Ada", "age": 36}, {"n": "Bo", "age": 17}, {"n": "Cy O'Neil", "age": 40}]
        MAP([1], "a") -> [null]
        MAP(NULL, "a") -> []
        MAP([{a: 1}], "a,,b") -> failed R0204 1:6 MAP needs names of fields with commas between them, not `a,,b`
        MAP([{a: 1}], "->b") -> failed R0204 1:6 MAP needs names of fields with commas between them, not `->b`
        MAP("x", "a") -> failed R0204 1:6 MAP needs an array, not a value of type string
        FILL([{n: "Ada", age: 36, tags: ["a", "b"], at: {city: "Rome"}}, {n: "Bo", age: 17}, {n: "Cy O'Neil", age: 40, city: NULL}], "{{n}} is {{age}}") -> ["Ada is 36", "Bo is 17", "Cy O'Neil is 40"]
        FILL({a: 1, b: [2]}, {x: "{{a}}", y: ["<{{b}}>", 3], "{{a}}": "{{ c }}!"}) -> {"x": 1, "y": ["<[2]>", 3], "{{a}}": "!"}
        FILL([], "x") -> []
        FILL(NULL, "x") -> []
        FILL([{a: 1}], 5) -> [5]
        FILL([{a: 1}], "{{a") -> ["{{a"]
        FILL([{a: "{{a}}"}], "-{{a}}-") -> ["-{{a}}-"]
        FILL(5, "{{a}}!") -> !
    "#]],
    );
}

#[test]
fn lists_of_records_are_taken_as_statements_take_them() {
    check(
        r#"
people = [{n: "Ada", age: 36}, {n: "Bo", age: 17}]
grown = FILTER people, "age >= 18"
TALK grown
names = MAP people, "n"
TALK names
letters = FILL people, "Dear {{n}}"
TALK letters
FOR EACH p IN FILTER(people, "age < 18")
  TALK p.n
NEXT
"#,
        &[],
        expect![[r#"
            [{"n": "Ada", "age": 36}]
            ["Ada", "Bo"]
            ["Dear Ada", "Dear Bo"]
            Bo
        "#]],
    );
}

#[test]
fn what_would_take_too_long_or_too_much_ends_early() {
    check(
        r#"
ON ERROR RESUME NEXT
long = "a"
FOR i = 1 TO 20
  long = long + long
NEXT
rows = []
FOR i = 1 TO 20
  PUSH rows, {t: long}
NEXT
TALK COUNT(FILTER(rows, "t CONTAINS 'aaa'"))
x = FILTER(rows, "t LIKE '%aaaaaaaaaaaaaaaaab'")
TALK ERROR MESSAGE
x = FILL(rows, "<{{t}}>")
"#,
        &[],
        expect![[r#"
            20
            this is too much work for one call; take the array in parts
            failed R0107 14:5 a text is longer than 10 MB
        "#]],
    );
    check(
        r#"x = MAP(RANGE(1, 1000), REPLACE(REPLACE(FORMAT(0, "N2000"), "0", "t,"), ".", "") + "t")"#,
        &[],
        expect![[r#""#]],
    );
}

#[test]
fn long_names_and_much_space_take_no_longer_than_they_may() {
    check(
        r#"
ON ERROR RESUME NEXT
space = " "
path = "a."
FOR i = 1 TO 20
  space = space + space
  path = path + path
NEXT
rows = RANGE(1, 1000)
condition = "a = x" + space + "AND" + space + "a <> z"
TALK FILTER([{ a: "x" }, { a: 1 }], condition)
condition = "a = x" + space + "y"
TALK COUNT(FILTER([1], condition))
condition = path + "a = 1"
a = FILTER(rows, condition)
TALK ERROR MESSAGE
CLEAR ERROR
a = MAP(rows, path + "a")
TALK ERROR MESSAGE
CLEAR ERROR
a = FILL(rows, "{{" + path + "}}")
TALK ERROR MESSAGE
CLEAR ERROR
rows = RANGE(1, 200000)
condition = "a IN (" + JOIN(rows, ",") + ")"
a = FILTER(rows, condition)
TALK ERROR MESSAGE
"#,
        &[],
        expect![[r#"
            [{"a": "x"}]
            0
            this is too much work for one call; take the array in parts
            this is too much work for one call; take the array in parts
            failed R0101 21:5 the script did not come to an end within 10000000 steps; is there an endless loop?
        "#]],
    );
}
