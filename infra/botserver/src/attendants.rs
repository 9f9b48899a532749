//! `attendant.csv` of a package: who works at the bot's desk.
//!
//! A table with a line of headings. `name` is needed; `id`, `department` and `aliases` (between `;` or `|`) are read,
//! other columns are the author's. What people are called, and how they are reached, is kept in memory only.

use std::collections::BTreeSet;

use commands::Attendant;
use domain::bot::{FileFinding, Finding, Severity};

/// People at one desk; a longer file is read so far.
const ATTENDANTS_MAX: usize = 1_000;

/// The people of a file, and what is wrong with it. Of two with one id the first counts.
pub fn read(file: &str, bytes: &[u8]) -> (Vec<Attendant>, Vec<FileFinding>) {
    let mut findings = Vec::new();
    let mut warn = |line: u64, message: String, help: &str| {
        findings.push(FileFinding {
            file: file.to_owned(),
            finding: Finding {
                code: "P0120".to_owned(),
                severity: Severity::Warning,
                message,
                line: u32::try_from(line).unwrap_or(u32::MAX),
                column: 1,
                help: Some(help.to_owned()),
            },
        });
    };
    let text = String::from_utf8_lossy(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headings: Vec<String> = reader
        .headers()
        .map(|row| row.iter().map(str::to_lowercase).collect())
        .unwrap_or_default();
    let column = |name: &str| headings.iter().position(|heading| heading == name);
    let Some(named) = column("name") else {
        warn(
            1,
            "the file has no column `name`".to_owned(),
            "begin it with a line such as `id,name,department,aliases`",
        );
        return (Vec::new(), findings);
    };
    let (id, department, aliases) = (column("id"), column("department"), column("aliases"));
    let mut attendants: Vec<Attendant> = Vec::new();
    let mut ids = BTreeSet::new();
    for row in reader.into_records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                warn(line, "the line cannot be read".to_owned(), "check its quotes");
                continue;
            }
        };
        let line = row.position().map_or(1, csv::Position::line);
        let field = |column: Option<usize>| column.and_then(|at| row.get(at)).filter(|text| !text.is_empty());
        if row.iter().all(str::is_empty) {
            continue;
        }
        let Some(name) = field(Some(named)) else {
            warn(
                line,
                "somebody has no name".to_owned(),
                "write it in the column `name`",
            );
            continue;
        };
        let id = field(id).unwrap_or(name).to_lowercase();
        if !ids.insert(id.clone()) {
            warn(
                line,
                format!("`{id}` stands in the file twice"),
                "give each an id of their own",
            );
            continue;
        }
        if attendants.len() == ATTENDANTS_MAX {
            let message = format!("only the first {ATTENDANTS_MAX} people are read");
            warn(line, message, "make the file shorter");
            break;
        }
        let aliases = field(aliases).unwrap_or_default().split([';', '|']);
        attendants.push(Attendant {
            id,
            name: name.to_owned(),
            department: field(department).map(str::to_lowercase),
            aliases: aliases
                .map(str::trim)
                .filter(|alias| !alias.is_empty())
                .map(str::to_owned)
                .collect(),
        });
    }
    (attendants, findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_read_by_the_headings_of_their_file() {
        let file = "\u{feff}ID, Name ,channel,Department,aliases\n\
                    att-1,Ana Silva,whatsapp,Sales,ana;aninha\n\
                    ,Ben,,,\n\
                    ,,,,\n\
                    att-1,Other,,,\n\
                    att-3,,,,\n";
        let (people, findings) = read("attendant.csv", file.as_bytes());
        let seen: Vec<_> = people
            .iter()
            .map(|one| {
                (
                    one.id.as_str(),
                    one.name.as_str(),
                    one.department.as_deref(),
                    one.aliases.len(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [("att-1", "Ana Silva", Some("sales"), 2), ("ben", "Ben", None, 0)]
        );
        let lines: Vec<u32> = findings.iter().map(|found| found.finding.line).collect();
        assert_eq!(lines, [5, 6]);
    }

    #[test]
    fn a_file_without_names_is_a_finding() {
        let (people, findings) = read("attendant.csv", b"who,what\nana,sales\n");
        assert!(people.is_empty());
        assert_eq!(findings[0].finding.code, "P0120");
        assert_eq!(read("attendant.csv", b"").1.len(), 1);
    }
}
