//! Functions on dates: expression by expression, what TALK shows or how it fails.

use expect_test::expect;

use crate::transcript::check_values;

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
        r#"NOW_UTC"#,
        r#"NOW_UTC()"#,
        r#"TIME()"#,
        r#"TIMESTAMP()"#,
        r#"UNIX_TIMESTAMP()"#,
        r#"TIMESTAMP_MS()"#,
        r#"TODAY()"#,
        r#"TODAY.year"#,
        r#"TODAY().day"#,
        r#"NOW.hour"#,
        r#"NOW().year"#,
        r#"TODAY.century IS NULL"#,
        r#"YEAR(NULL)"#,
        r#"YEAR("")"#,
        r#"YEAR(2026)"#,
        r#"MONTH("2024-02-29")"#,
        r#"DAY("2023-02-29")"#,
        r#"DAY("2024-02-29T10:00:00Z")"#,
        r#"HOUR(TODAY)"#,
        r#"SECOND(NOW)"#,
        r#"WEEKDAY(TODAY)"#,
        r#"WEEKDAY("2026-03-07")"#,
        r#"WEEKDAY("x")"#,
        r#"ISDATE("2024-02-29")"#,
        r#"ISDATE("2023-02-29")"#,
        r#"ISDATE("")"#,
        r#"ISDATE(NULL)"#,
        r#"ISDATE(NOW)"#,
        r#"IS_DATE("10:00")"#,
        r#"DATEADD(TODAY, 1, "day")"#,
        r#"DATEADD(TODAY, -1, "days")"#,
        r#"DATEADD TODAY, "days", 7"#,
        r#"DATEADD("day", 1, TODAY)"#,
        r#"DATEADD("d", TODAY, 2)"#,
        r#"DATEADD(TODAY, 30)"#,
        r#"DATEADD(TODAY, 2, "hours")"#,
        r#"DATEADD(NOW, 90, "minutes")"#,
        r#"DATEADD(NOW, 10, "s")"#,
        r#"DATEADD(TODAY, 1, "w")"#,
        r#"DATEADD("2024-01-31", 1, "month")"#,
        r#"DATEADD("2023-01-31", 1, "month")"#,
        r#"DATEADD("2024-03-31", -1, "m")"#,
        r#"DATEADD("2024-02-29", 1, "year")"#,
        r#"DATEADD("2024-02-29", 4, "yyyy")"#,
        r#"DATEADD("2026-11-30", 1, "quarter")"#,
        r#"DATEADD("2026-12-31", 1, "day")"#,
        r#"DATEADD("2026-12-31 23:59:59", 1, "second")"#,
        r#"DATEADD("2026-03-01", "3", "days")"#,
        r#"DATEADD("9999-12-31", 1, "day")"#,
        r#"DATEADD("0000-01-01", -1, "day")"#,
        r#"DATEADD(TODAY, 9223372036854775807, "years")"#,
        r#"DATEADD(TODAY, 1, "fortnight")"#,
        r#"DATEADD("soon", 1, "day")"#,
        r#"DATEADD(NULL, 1, "day")"#,
        r#"DATEADD(TODAY, "x", "day")"#,
        r#"DATEADD(TODAY, "day")"#,
        r#"DATEADD(TODAY, 1.9, "day")"#,
        r#"DATEDIFF("2026-03-01", "2026-03-31", "days")"#,
        r#"DATEDIFF("2026-03-31", "2026-03-01", "days")"#,
        r#"DATEDIFF("2026-03-01", "2026-03-31")"#,
        r#"DATEDIFF("minute", "2026-03-01 10:00", "2026-03-01 11:30")"#,
        r#"DATEDIFF("2026-03-01 10:00", "hour", "2026-03-01 11:59")"#,
        r#"DATEDIFF("2024-02-28", "2024-03-01", "d")"#,
        r#"DATEDIFF("2023-02-28", "2023-03-01", "d")"#,
        r#"DATEDIFF("2000-03-02", TODAY, "year")"#,
        r#"DATEDIFF("2000-03-01", TODAY, "year")"#,
        r#"DATEDIFF("2024-01-31", "2024-02-29", "month")"#,
        r#"DATEDIFF("2024-01-31", "2024-03-01", "month")"#,
        r#"DATEDIFF("2024-05-31", "2024-01-31", "months")"#,
        r#"DATEDIFF(TODAY, NOW, "hours")"#,
        r#"DATEDIFF(TODAY, TODAY, "seconds")"#,
        r#"DATEDIFF("2026-01-01", "2026-01-15", "weeks")"#,
        r#"DATEDIFF(TODAY, "x", "days")"#,
        r#"DATEDIFF(TODAY, 5, "days")"#,
        r#"DATEDIFF(TODAY, NULL)"#,
        r#"DATEDIFF("0000-01-01", "9999-12-31", "seconds")"#,
        r#"TODAY < "2026-03-02""#,
        r#"TODAY = "2026-03-01""#,
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
            NOW_UTC -> 2026-03-01 09:05:07
            NOW_UTC() -> 2026-03-01 09:05:07
            TIME() -> 09:05:07
            TIMESTAMP() -> 1772355907
            UNIX_TIMESTAMP() -> 1772355907
            TIMESTAMP_MS() -> 1772355907000
            TODAY() -> 2026-03-01
            TODAY.year -> 2026
            TODAY().day -> 1
            NOW.hour -> 9
            NOW().year -> 2026
            TODAY.century IS NULL -> true
            YEAR(NULL) -> failed R0204 1:6 YEAR needs a date such as 2026-12-31, not a value of type null
            YEAR("") -> failed R0204 1:6 YEAR needs a date such as 2026-12-31, not a value of type string
            YEAR(2026) -> failed R0204 1:6 YEAR needs a date such as 2026-12-31, not a value of type integer
            MONTH("2024-02-29") -> 2
            DAY("2023-02-29") -> failed R0204 1:6 DAY needs a date such as 2026-12-31, not a value of type string
            DAY("2024-02-29T10:00:00Z") -> 29
            HOUR(TODAY) -> 0
            SECOND(NOW) -> 7
            WEEKDAY(TODAY) -> 1
            WEEKDAY("2026-03-07") -> 7
            WEEKDAY("x") -> failed R0204 1:6 WEEKDAY needs a date such as 2026-12-31, not a value of type string
            ISDATE("2024-02-29") -> true
            ISDATE("2023-02-29") -> false
            ISDATE("") -> false
            ISDATE(NULL) -> false
            ISDATE(NOW) -> true
            IS_DATE("10:00") -> false
            DATEADD(TODAY, 1, "day") -> 2026-03-02
            DATEADD(TODAY, -1, "days") -> 2026-02-28
            DATEADD TODAY, "days", 7 -> 2026-03-08
            DATEADD("day", 1, TODAY) -> 2026-03-02
            DATEADD("d", TODAY, 2) -> 2026-03-03
            DATEADD(TODAY, 30) -> 2026-03-31
            DATEADD(TODAY, 2, "hours") -> 2026-03-01 02:00:00
            DATEADD(NOW, 90, "minutes") -> 2026-03-01 10:35:07
            DATEADD(NOW, 10, "s") -> 2026-03-01 09:05:17
            DATEADD(TODAY, 1, "w") -> 2026-03-08
            DATEADD("2024-01-31", 1, "month") -> 2024-02-29
            DATEADD("2023-01-31", 1, "month") -> 2023-02-28
            DATEADD("2024-03-31", -1, "m") -> 2024-02-29
            DATEADD("2024-02-29", 1, "year") -> 2025-02-28
            DATEADD("2024-02-29", 4, "yyyy") -> 2028-02-29
            DATEADD("2026-11-30", 1, "quarter") -> 2027-02-28
            DATEADD("2026-12-31", 1, "day") -> 2027-01-01
            DATEADD("2026-12-31 23:59:59", 1, "second") -> 2027-01-01 00:00:00
            DATEADD("2026-03-01", "3", "days") -> 2026-03-04
            DATEADD("9999-12-31", 1, "day") -> failed R0204 1:6 DATEADD leaves the years from 0 to 9999
            DATEADD("0000-01-01", -1, "day") -> failed R0204 1:6 DATEADD leaves the years from 0 to 9999
            DATEADD(TODAY, 9223372036854775807, "years") -> failed R0204 1:6 DATEADD leaves the years from 0 to 9999
            DATEADD(TODAY, 1, "fortnight") -> failed R0204 1:6 DATEADD needs a unit: second, minute, hour, day, week, month or year
            DATEADD("soon", 1, "day") -> failed R0204 1:6 DATEADD needs a date such as 2026-12-31, not a value of type string
            DATEADD(NULL, 1, "day") -> failed R0204 1:6 DATEADD needs a date such as 2026-12-31, not a value of type null
            DATEADD(TODAY, "x", "day") -> failed R0204 1:6 DATEADD needs a whole number, not a value of type string
            DATEADD(TODAY, "day") -> failed R0204 1:6 DATEADD needs two values besides its unit
            DATEADD(TODAY, 1.9, "day") -> 2026-03-02
            DATEDIFF("2026-03-01", "2026-03-31", "days") -> 30
            DATEDIFF("2026-03-31", "2026-03-01", "days") -> -30
            DATEDIFF("2026-03-01", "2026-03-31") -> 30
            DATEDIFF("minute", "2026-03-01 10:00", "2026-03-01 11:30") -> 90
            DATEDIFF("2026-03-01 10:00", "hour", "2026-03-01 11:59") -> 1
            DATEDIFF("2024-02-28", "2024-03-01", "d") -> 2
            DATEDIFF("2023-02-28", "2023-03-01", "d") -> 1
            DATEDIFF("2000-03-02", TODAY, "year") -> 25
            DATEDIFF("2000-03-01", TODAY, "year") -> 26
            DATEDIFF("2024-01-31", "2024-02-29", "month") -> 1
            DATEDIFF("2024-01-31", "2024-03-01", "month") -> 1
            DATEDIFF("2024-05-31", "2024-01-31", "months") -> -4
            DATEDIFF(TODAY, NOW, "hours") -> 9
            DATEDIFF(TODAY, TODAY, "seconds") -> 0
            DATEDIFF("2026-01-01", "2026-01-15", "weeks") -> 2
            DATEDIFF(TODAY, "x", "days") -> failed R0204 1:6 DATEDIFF needs a date such as 2026-12-31, not a value of type string
            DATEDIFF(TODAY, 5, "days") -> failed R0204 1:6 DATEDIFF needs a date such as 2026-12-31, not a value of type integer
            DATEDIFF(TODAY, NULL) -> failed R0204 1:6 DATEDIFF needs a date such as 2026-12-31, not a value of type null
            DATEDIFF("0000-01-01", "9999-12-31", "seconds") -> 315569433600
            TODAY < "2026-03-02" -> true
            TODAY = "2026-03-01" -> true
        "#]],
    );
}
