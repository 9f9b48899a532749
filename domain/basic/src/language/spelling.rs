//! What somebody probably meant.

use std::collections::HashMap;

/// Words of other languages and dialects, with ours.
const FOREIGN: &[(&str, &str)] = &[
    ("ECHO", "TALK"),
    ("SAY", "TALK"),
    ("REPLY", "TALK"),
    ("ANSWER", "TALK"),
    ("INPUT", "HEAR"),
    ("LISTEN", "HEAR"),
    ("ELIF", "ELSE IF"),
    ("ELSIF", "ELSE IF"),
    ("ELSEIFS", "ELSE IF"),
    ("VAR", "LET"),
    ("CONSTANT", "CONST"),
    ("BREAK", "EXIT FOR"),
    ("BEGIN", "BEGIN TALK"),
    ("STRLEN", "LEN"),
    ("SUBSTR", "MID"),
    ("TOUPPER", "UCASE"),
    ("TOLOWER", "LCASE"),
    ("TOUPPERCASE", "UCASE"),
    ("TOLOWERCASE", "LCASE"),
    ("PARSEINT", "CINT"),
    ("LENGTHOF", "LEN"),
    ("SLEEP", "WAIT"),
    ("MSGBOX", "TALK"),
    ("LOG", "PRINT"),
    ("CONSOLE", "PRINT"),
    // Portuguese, in which many scripts are written.
    ("SE", "IF"),
    ("SENAO", "ELSE"),
    ("SENÃO", "ELSE"),
    ("FIM", "END IF"),
    ("FIMSE", "END IF"),
    ("PARA", "FOR"),
    ("PROXIMO", "NEXT"),
    ("PRÓXIMO", "NEXT"),
    ("ENQUANTO", "WHILE"),
    ("FALAR", "TALK"),
    ("FALE", "TALK"),
    ("DIGA", "TALK"),
    ("ESCREVA", "TALK"),
    ("MENSAGEM", "TALK"),
    ("OUVIR", "HEAR"),
    ("LEIA", "HEAR"),
    ("PERGUNTE", "ASK"),
    ("RETORNE", "RETURN"),
    ("ESPERE", "WAIT"),
    ("SALVAR", "SAVE"),
    ("BUSCAR", "FIND"),
];

/// What a word of another language is called here; `word` is in capitals.
pub(crate) fn translated(word: &str) -> Option<&'static str> {
    FOREIGN
        .iter()
        .find(|(foreign, _)| *foreign == word)
        .map(|(_, ours)| *ours)
}

/// As many as are looked at: names of a script can be very many.
const CANDIDATES_MAX: usize = 2000;

/// The candidate that is fewest typing mistakes away from `word`, if it is near enough to be meant.
pub(crate) fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let word: Vec<char> = word.to_uppercase().chars().take(40).collect();
    let allowed = match word.len() {
        0..=2 => return None,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    candidates
        .take(CANDIDATES_MAX)
        .filter_map(|candidate| {
            let letters: Vec<char> = candidate.to_uppercase().chars().collect();
            let near = letters.len().abs_diff(word.len()) <= allowed;
            let mistakes = if near {
                distance(&word, &letters)
            } else {
                usize::MAX
            };
            // Swapped letters cost 1, but a word of three letters has neighbours everywhere.
            (mistakes <= allowed).then_some((mistakes, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut last_row_of: HashMap<char, usize> = HashMap::new();
    let far = a.len() + b.len();
    let width = b.len() + 2;
    let mut table = vec![far; (a.len() + 2) * width];
    for i in 0..=a.len() {
        table[(i + 1) * width + 1] = i;
    }
    for j in 0..=b.len() {
        table[width + j + 1] = j;
    }
    for i in 1..=a.len() {
        let mut last_column = 0;
        for j in 1..=b.len() {
            let (row, column) = (last_row_of.get(&b[j - 1]).copied().unwrap_or(0), last_column);
            let same = a[i - 1] == b[j - 1];
            if same {
                last_column = j;
            }
            let replaced = table[i * width + j] + usize::from(!same);
            let inserted = table[(i + 1) * width + j] + 1;
            let deleted = table[i * width + j + 1] + 1;
            let swapped = table[row * width + column] + (i - row - 1) + 1 + (j - column - 1);
            table[(i + 1) * width + j + 1] = replaced.min(inserted).min(deleted).min(swapped);
        }
        last_row_of.insert(a[i - 1], i);
    }
    table[(a.len() + 1) * width + b.len() + 1]
}
