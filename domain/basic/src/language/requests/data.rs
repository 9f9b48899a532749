//! Tables, files that are read as tables, and lists of records.

use super::{WHERE, Word, clause, fields, flag, name, request, value};
use crate::language::requests::Takes;
use crate::language::tables;

pub(super) const WORDS: &[Word] = &[
    request(
        "FIND",
        &["FIND ALL"],
        "berths = FIND \"berths\" WHERE length >= 12 ORDER BY price LIMIT 5",
        "The rows of a table, of a file that is one, or of a list, that meet a condition.",
        (1, 3),
        &[
            WHERE,
            clause("WITH", Takes::Condition),
            clause("ORDER BY", Takes::Order),
            value("LIMIT"),
            value("OFFSET"),
            flag("FIRST"),
        ],
    )
    .named()
    .with_condition_at(1)
    .locally(tables::find),
    request(
        "GET FROM",
        &[],
        "berths = GET FROM \"berths\" WHERE taken = FALSE",
        "The rows of a table that meet a condition.",
        (1, 1),
        &[
            WHERE,
            clause("ORDER BY", Takes::Order),
            value("LIMIT"),
            value("OFFSET"),
            flag("FIRST"),
        ],
    ),
    request(
        "SAVE",
        &[],
        "SAVE \"guests\", name, email",
        "Keeps a row: an object, or variables under their names. One with the same key is replaced.",
        (1, 255),
        &[clause("TO", Takes::Name), fields("WITH")],
    )
    .naming(),
    request(
        "SAVE FROM UNSTRUCTURED",
        &[],
        "SAVE FROM UNSTRUCTURED \"guests\", message",
        "Keeps a row whose fields a language model finds in a text.",
        (2, 2),
        &[],
    ),
    request(
        "INSERT",
        &["INSERT INTO"],
        "row = INSERT INTO \"guests\" WITH name = \"Ana\", boat = \"Gaivota\"",
        "Adds a row and answers it with its id.",
        (1, 2),
        &[clause("VALUES", Takes::Values), fields("WITH")],
    )
    .named()
    .columned()
    .naming(),
    request(
        "UPDATE",
        &[],
        "UPDATE \"berths\" SET taken = TRUE WHERE number = 7",
        "Changes the rows that meet a condition and answers how many. SET may compute a field from what it was: stock = stock - 1.",
        (1, 4),
        &[fields("SET"), fields("WITH"), WHERE],
    )
    .named()
    .with_condition_at(1),
    request(
        "DELETE",
        &["DELETE FROM"],
        "DELETE FROM \"guests\" WHERE left < TODAY",
        "Deletes the rows that meet a condition and answers how many; or a file, or what an address names.",
        (1, 2),
        &[WHERE],
    )
    .named()
    .with_condition_at(1),
    request(
        "MERGE",
        &["MERGE INTO"],
        "result = MERGE \"berths\" WITH rows BY \"number\"",
        "Adds or changes many rows by a key, all or none, and answers how many of each.",
        (1, 3),
        &[value("WITH"), value("USING"), value("BY"), value("ON")],
    )
    .named(),
    request(
        "AGGREGATE",
        &[],
        "total = AGGREGATE \"stays\", \"SUM\", \"price\"",
        "SUM, AVG, COUNT, MIN or MAX of a field, of a list or of a table.",
        (1, 4),
        &[
            name("SUM"),
            name("AVG"),
            name("COUNT"),
            name("MIN"),
            name("MAX"),
            WHERE,
        ],
    )
    .with_condition_at(3)
    .locally(tables::aggregate),
    request(
        "PIVOT",
        &[],
        "table = PIVOT rows, \"month\", \"berth\", \"price\", \"SUM\"",
        "Rows by one field, columns by another, and in each place what an aggregate comes to.",
        (3, 5),
        &[],
    )
    .locally(tables::pivot),
    request(
        "GROUP BY",
        &["GROUP"],
        "groups = GROUP BY rows, \"city\"",
        "The rows by the value of a field, or what aggregates of each group come to.",
        (2, 3),
        &[],
    )
    .locally(tables::group_by),
    request(
        "SELECT",
        &[],
        "rows = SELECT city, SUM(price) FROM stays WHERE year = 2026 GROUP BY city",
        "What a query of the bot's own tables answers.",
        (1, 1),
        &[fields("VARIABLES")],
    ),
    request(
        "SET TABLE",
        &[],
        "SET TABLE \"berths\", \"number = 7\", \"taken = true\"",
        "Changes the rows that meet a condition.",
        (3, 3),
        &[],
    )
    .with_condition_at(1),
    request(
        "SEARCH",
        &["AUTOCOMPLETE"],
        "found = SEARCH \"guests\", \"gaiv\", 5",
        "The rows of a table in which a text occurs.",
        (2, 3),
        &[],
    ),
    request(
        "SEARCH PRODUCTS",
        &[],
        "found = SEARCH PRODUCTS \"rope\", 5",
        "The products that a text describes.",
        (1, 2),
        &[],
    ),
    request("PRODUCTS", &[], "all = PRODUCTS()", "All products.", (0, 0), &[]).bare(),
    request(
        "SCAN BARCODE",
        &[],
        "code = SCAN BARCODE \"label.png\"",
        "The number in the picture of a bar code.",
        (1, 1),
        &[],
    ),
    request(
        "IMPORT",
        &[],
        "rows = IMPORT \"guests.csv\"",
        "The rows of a CSV, JSON or XLSX file.",
        (1, 2),
        &[clause("TO", Takes::Name), clause("INTO", Takes::Name)],
    ),
    request(
        "EXPORT",
        &[],
        "EXPORT \"guests.csv\", rows",
        "Writes rows to a CSV, JSON or XLSX file.",
        (1, 2),
        &[clause("TO", Takes::Name), clause("AS", Takes::Name)],
    ),
    request(
        "FILL FILE",
        &[],
        "FILL \"invoice.docx\", data TO \"invoices/7.docx\"",
        "Fills a document that is a template and keeps it as another.",
        (3, 3),
        &[],
    ),
    request(
        "SYNCHRONIZE",
        &["SYNC"],
        "SYNCHRONIZE \"https://api.example.org/orders\", \"orders\", \"id\", \"page\", \"limit\"",
        "Brings a list that an address gives page by page into a table.",
        (2, 5),
        &[],
    ),
    request("REPORT", &[], "REPORT", "What SYNCHRONIZE did last.", (0, 0), &[]),
    request(
        "RESET REPORT",
        &[],
        "RESET REPORT",
        "Forgets what SYNCHRONIZE did.",
        (0, 0),
        &[],
    ),
    request(
        "QUERY METRICS",
        &[],
        "points = QUERY METRICS \"visits\" FOR LAST 7 DAYS",
        "What was measured over a time.",
        (1, 2),
        &[clause("FOR", Takes::Rest), WHERE, fields("WITH")],
    ),
    request(
        "RECORD METRIC",
        &[],
        "RECORD METRIC \"visits\" WITH count = 1",
        "Measures something.",
        (1, 2),
        &[fields("WITH")],
    ),
];
