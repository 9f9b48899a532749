//! Whatever bytes a file holds, reading it ends with a value or a refusal.

use basic::Value;
use documents::archive::{Entry, pack, unpack};
use documents::tables::{Format, Table};
use documents::{docx, feed, page, pdf, template, xml};
use proptest::prelude::*;

const FORMATS: [Format; 4] = [Format::Csv, Format::Tsv, Format::Xlsx, Format::Json];

fn read_by_all(bytes: &[u8]) {
    let text = documents::text(bytes);
    for format in FORMATS {
        if let Ok(table) = Table::read(format, bytes) {
            for format in FORMATS {
                let _ = table.write(format);
            }
        }
    }
    let _ = unpack(bytes);
    let _ = docx::text(bytes);
    let _ = docx::fill(bytes, &Value::Null);
    let _ = feed::entries(bytes, None);
    let _ = page::text(&text);
    let _ = page::table(&text, "table");
    let _ = page::links(&text, |link| Some(link.to_owned()));
    let _ = xml::answered(&text);
    let _ = xml::Operation::of(&text, "GetRate");
    let _ = pdf::made(&text);
    let _ = template::filled(&text, &Value::Null, template::markup);
}

/// Files that are good, to be damaged.
fn good() -> Vec<Vec<u8>> {
    let rows =
        serde_json::json!([{ "name": "Ana", "berth": 7 }, { "name": "=1+1", "berth": 1.5, "free": true }]);
    let table = Table::of(&Value::from_json(rows)).expect("a table");
    let entry = |name: &str, text: &str| Entry {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    let document = "<w:document xmlns:w=\"w\"><w:p><w:t>Dear {{name}}</w:t></w:p></w:document>";
    let mut files: Vec<Vec<u8>> = FORMATS
        .iter()
        .map(|format| table.write(*format).expect("written"))
        .collect();
    files.push(pack(&[entry("word/document.xml", document), entry("a/b.txt", "x")]).expect("packed"));
    files.push(
        b"<table><tr><th>a</th></tr><tr><td>{{#each l}}1{{/each}}</td></tr></table><a href=x>y</a>".to_vec(),
    );
    files.push(b"<rss version=\"2.0\"><channel><item><title>t</title></item></channel></rss>".to_vec());
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        read_by_all(&bytes);
    }

    #[test]
    fn any_text_is_read_to_an_end(text in "[a-z<>/=\"'{}#|;,\\n &-]{0,400}") {
        read_by_all(text.as_bytes());
    }

    #[test]
    fn damaged_files_are_read_to_an_end(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let files = good();
        let mut bytes = which.get(&files).clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_by_all(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        read_by_all(&bytes);
    }

    #[test]
    fn what_is_written_as_a_table_is_read_again(texts in prop::collection::vec("[ -~é€]{0,20}", 1..10)) {
        let rows = texts.iter().map(|text| serde_json::json!({ "text": format!("x{text}"), "n": 1 }));
        let rows = Value::from_json(rows.collect());
        let table = Table::of(&rows).expect("a table");
        for format in FORMATS {
            let read = Table::read(format, &table.write(format).expect("written")).expect("read");
            prop_assert_eq!(Value::Array(read.values()).to_json(), rows.to_json(), "{:?}", format);
        }
    }
}
