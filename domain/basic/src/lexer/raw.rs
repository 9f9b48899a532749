//! Lines as a whole: raw blocks, and lines that look like the beginning of a statement.

use std::collections::HashSet;

/// Opening words and closing words of blocks whose lines are no statements.
const BLOCKS: &[(&str, &str)] = &[
    ("BEGIN TALK", "END TALK"),
    ("BEGIN SYSTEM PROMPT", "END SYSTEM PROMPT"),
    ("BEGIN MAIL", "END MAIL"),
    ("BEGIN TABLE", "END TABLE"),
    ("CREATE TABLE", CLOSING_BRACKET),
    ("TABLE", "END TABLE"),
];

/// What closes CREATE TABLE.
pub(super) const CLOSING_BRACKET: &str = ")";

/// How long the opening words are, and what closes the raw block that a line opens.
pub(super) fn block_opened_by(line: &str) -> Option<(usize, &'static str)> {
    BLOCKS.iter().find_map(|(opening, closing)| {
        let length = phrase_length(line, opening)?;
        let after = line[length..].trim_start();
        let assigned = after.starts_with(['=', '.', '[', '(']);
        // A table has a name; a variable called `table` may stand in a line by itself.
        let nameless = *opening == "TABLE" && after.is_empty();
        // All of it in a line is no block.
        let nameless = nameless || *opening == "CREATE TABLE" && !after.trim_end().ends_with('(');
        (!assigned && !nameless).then_some((length, *closing))
    })
}

/// Whether a line consists of these words and at most a comment.
pub(super) fn line_is(line: &str, phrase: &str) -> bool {
    let line = line.trim();
    phrase_length(line, phrase).is_some_and(|length| {
        let after = line[length..].trim_start_matches([' ', '\t', ';']);
        after.is_empty() || after.starts_with('\'') || after.starts_with("//")
    })
}

/// How much of the beginning of `line` the words of `phrase` take, with spaces or underscores between.
fn phrase_length(line: &str, phrase: &str) -> Option<usize> {
    let mut at = 0;
    for (number, word) in phrase.split(' ').enumerate() {
        if number > 0 {
            let gap = line[at..].find(|c: char| c != '_' && c != ' ' && c != '\t')?;
            if gap == 0 {
                return None;
            }
            at += gap;
        }
        let found = line.get(at..at + word.len())?;
        if !found.eq_ignore_ascii_case(word) {
            return None;
        }
        at += word.len();
    }
    let ends = !line[at..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    ends.then_some(at)
}

/// Words with which only statements begin.
const OPENERS: &[&str] = &[
    "TALK",
    "HEAR",
    "IF",
    "ELSE",
    "ELSEIF",
    "END",
    "FOR",
    "NEXT",
    "WHILE",
    "WEND",
    "DO",
    "LOOP",
    "RETURN",
    "LET",
    "SET",
    "PRINT",
    "PARAM",
    "DESCRIPTION",
    "BEGIN",
    "ADD",
    "CLEAR",
    "EXIT",
    "SELECT",
    "CASE",
];

/// Whether a line inside of open brackets looks as if somebody forgot to close them.
pub(super) fn begins_like_a_statement(line: &str) -> bool {
    let line = line.trim_start();
    let end = line
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(line.len());
    let word = line[..end].split('_').next().unwrap_or_default();
    let after = line[end..].trim_start();
    // A field name, an argument or part of an expression can be any word.
    let inside = after.starts_with([':', ',', '.', ')', ']', '}', '(', '+']) || after.is_empty();
    let alone = after.is_empty()
        && ["ELSE", "NEXT", "WEND", "LOOP"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word));
    alone || !inside && OPENERS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether a line begins with `name =`.
pub(super) fn sets_a_variable(line: &str) -> bool {
    let line = line.trim_start();
    let end = line
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(line.len());
    let after = line[end..].trim_start();
    end > 0 && after.starts_with('=') && !after.starts_with("==")
}

/// Words that only go on with the statement of the line before, whatever stands there: clauses and operators.
const CONTINUERS: &[&str] = &[
    "AND",
    "OR",
    "THEN",
    "WHERE",
    "FROM",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "VALUES",
    "UNION",
    "JOIN",
    "LEFT JOIN",
    "RIGHT JOIN",
    "INNER JOIN",
    "OUTER JOIN",
    "FULL JOIN",
    "CROSS JOIN",
    "LEFT OUTER JOIN",
    "ORDER BY",
    "GROUP BY",
];

/// Whether a line can only go on with the statement before it.
pub(super) fn continues_a_statement(line: &str) -> bool {
    let line = line.trim_start();
    // No statement begins with an operator or a text.
    if line.starts_with(['+', '&', '"']) {
        return true;
    }
    if let Some(length) = phrase_length(line, "WITH") {
        return line[length..].trim_start().starts_with(['{', '#']);
    }
    CONTINUERS.iter().any(|word| {
        phrase_length(line, word).is_some_and(|length| {
            // `limit = 5` sets a variable, JOIN MEET is a statement.
            let after = line[length..].trim_start();
            let meets = *word == "JOIN" && phrase_length(after, "MEET").is_some();
            let begins = ["AND", "OR", "THEN", "WHERE", "HAVING"].contains(word) && after.is_empty();
            begins
                || !meets
                    && after.starts_with(|c: char| {
                        c.is_alphanumeric() || matches!(c, '_' | '"' | '\'' | '(' | '*' | '-')
                    })
        })
    })
}

/// The numbers of lines to which something jumps: `GOTO 120`, `IF again THEN 10`.
pub(super) fn jumps(source: &str) -> HashSet<&str> {
    let mut words = source.split([' ', '\t', '\n', '\r', ':', ';']).peekable();
    let mut found = HashSet::new();
    while let Some(word) = words.next() {
        let jumps = ["GOTO", "THEN", "ELSE"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word));
        if let Some(number) = words.peek().filter(|_| jumps)
            && number.starts_with(|c: char| c.is_ascii_digit())
        {
            found.insert(*number);
        }
    }
    found
}
