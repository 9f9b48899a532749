//! Files that hold several tools: each begins with a DESCRIPTION and PARAMs of its own, below what another one does.
//!
//! Every tool is parsed as if it stood in a file of its own, together with what stands above the first one and with
//! the procedures that it calls. So tools share no variables.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::diagnostic::{Report, TOO_LARGE};
use crate::lexer::{Symbol, Token, TokenKind};

/// More than anybody writes into one file.
const SECTIONS_MAX: usize = 500;
/// What tools share is read once for each, and each has its texts: together no more than this.
const SHARED_TOKENS_MAX: usize = 4_000_000;
const SHARED_BYTES_MAX: usize = 16 << 20;

/// The tokens of each tool of a file; all tokens where it holds one or none.
pub(super) fn split(source: &str, tokens: Vec<Token>, report: &mut Report<'_>) -> Vec<Vec<Token>> {
    let lines = Reader::read(source, &tokens);
    let (mut count, mut shared, mut bytes) = (0_usize, 0, 0);
    for line in &lines {
        match line.part {
            Part::Section(number) => count = count.max(number + 1),
            Part::Above | Part::Procedure(_) => {
                let lengths = tokens[line.tokens.clone()]
                    .iter()
                    .map(|token| token.span.text(source).len());
                shared += line.tokens.len();
                bytes += lengths.sum::<usize>();
            }
        }
    }
    if count < 2 {
        return vec![tokens];
    }
    let too_much =
        count.saturating_mul(shared) > SHARED_TOKENS_MAX || count.saturating_mul(bytes) > SHARED_BYTES_MAX;
    if count > SECTIONS_MAX || too_much {
        let place = tokens.first().map(|token| token.span).unwrap_or_default();
        let message = format!(
            "a file holds at most {SECTIONS_MAX} tools, and fewer where they share long procedures or texts"
        );
        report.add(TOO_LARGE, place, message);
        return vec![tokens];
    }
    let procedures = Procedures::of(source, &tokens, &lines);
    let needed = procedures.needed_by_each(&lines, count);
    let end = tokens.last().copied();
    let tokens_of = |(number, needed): (usize, &HashSet<usize>)| {
        let kept = lines.iter().filter(|line| match line.part {
            Part::Above => true,
            Part::Section(of) => of == number,
            Part::Procedure(of) => needed.contains(&of),
        });
        let kept = kept.flat_map(|line| tokens[line.tokens.clone()].iter().copied());
        kept.chain(end).collect()
    };
    needed.iter().enumerate().map(tokens_of).collect()
}

/// To whom a line belongs; tools and procedures are numbered from 0 on.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// It stands above the first tool.
    Above,
    Section(usize),
    Procedure(usize),
}

/// A line, or several that one statement takes.
struct Line {
    part: Part,
    tokens: Range<usize>,
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    lines: Vec<Line>,
    section: Option<usize>,
    /// Whether the tool has a DESCRIPTION, and whether something is done below the last one.
    described: bool,
    acts: bool,
    /// Where the declarations begin of which the line before is the last.
    declares_from: Option<usize>,
    /// How many procedures have begun, and whether the last one goes on.
    procedures: usize,
    within: bool,
}

impl Reader {
    fn read(source: &str, tokens: &[Token]) -> Vec<Line> {
        let mut reader = Reader::default();
        // The last token is the end of the source, which belongs to everybody.
        let last = tokens.len().saturating_sub(1);
        let mut start = 0;
        while start < last {
            let ends = |token: &Token| token.kind == TokenKind::Line;
            let length = tokens[start..last].iter().position(ends);
            let range = start..length.map_or(last, |length| start + length + 1);
            start = range.end;
            let part = reader.part_of(source, &tokens[range.clone()]);
            reader.lines.push(Line { part, tokens: range });
        }
        reader.lines
    }

    fn part_of(&mut self, source: &str, line: &[Token]) -> Part {
        let is = |at: usize, word: &str| {
            line.get(at).is_some_and(|token| {
                token.kind == TokenKind::Word && token.span.text(source).eq_ignore_ascii_case(word)
            })
        };
        let kind = |at: usize| line.get(at).map(|token| token.kind);
        if self.within {
            let closes = |word: &str| is(0, &format!("END_{word}")) || is(0, "END") && is(1, word);
            self.within = !closes("SUB") && !closes("FUNCTION");
            return Part::Procedure(self.procedures - 1);
        }
        if (is(0, "SUB") || is(0, "FUNCTION")) && kind(1) == Some(TokenKind::Word) {
            self.within = true;
            self.procedures += 1;
            return Part::Procedure(self.procedures - 1);
        }
        let assigned = matches!(
            kind(1),
            Some(TokenKind::Symbol(
                Symbol::Assign | Symbol::Dot | Symbol::OpenBracket
            ))
        );
        let describes = is(0, "DESCRIPTION");
        if assigned || !describes && !is(0, "PARAM") {
            self.declares_from = None;
            self.acts = true;
            return self.section.map_or(Part::Above, Part::Section);
        }
        let from = *self.declares_from.get_or_insert(self.lines.len());
        let mut section = self.section.unwrap_or(0);
        if describes {
            if self.described && self.acts {
                section += 1;
                for line in &mut self.lines[from..] {
                    line.part = Part::Section(section);
                }
            }
            self.described = true;
            self.acts = false;
        }
        self.section = Some(section);
        Part::Section(section)
    }
}

/// The procedures of a file, and which of them each line mentions.
struct Procedures {
    count: usize,
    /// By the lines in their order.
    mentioned: Vec<Vec<usize>>,
    /// Of procedures that have the name of one above: that one and they.
    again: Vec<(usize, usize)>,
}

impl Procedures {
    fn of(source: &str, tokens: &[Token], lines: &[Line]) -> Procedures {
        let mut names: HashMap<String, usize> = HashMap::new();
        let (mut count, mut again) = (0, Vec::new());
        for line in lines {
            if let Part::Procedure(number) = line.part
                && number == count
            {
                count += 1;
                let name = tokens[line.tokens.start + 1].span.text(source).to_lowercase();
                let first = *names.entry(name).or_insert(number);
                if first != number {
                    again.push((first, number));
                }
            }
        }
        let mentioned = |line: &Line| {
            let words = tokens[line.tokens.clone()].iter().map(|token| match token.kind {
                TokenKind::Word => token.span.text(source),
                _ => "",
            });
            let found = words.filter_map(|word| names.get(&word.to_lowercase()));
            found.copied().collect()
        };
        Procedures {
            count,
            mentioned: lines.iter().map(mentioned).collect(),
            again,
        }
    }

    /// The procedures that each tool calls, directly or through others. The first tool also has those that no tool
    /// calls, so that what is wrong with them is told.
    fn needed_by_each(&self, lines: &[Line], sections: usize) -> Vec<HashSet<usize>> {
        let mut bodies = vec![Vec::new(); self.count];
        let mut callers = vec![Vec::new(); sections];
        for (line, mentioned) in lines.iter().zip(&self.mentioned) {
            match line.part {
                Part::Above => callers.iter_mut().for_each(|caller| caller.extend(mentioned)),
                Part::Section(number) => callers[number].extend(mentioned),
                Part::Procedure(number) => bodies[number].extend(mentioned),
            }
        }
        for (first, again) in &self.again {
            bodies[*first].push(*again);
        }
        let closed = |mut waiting: Vec<usize>| {
            let mut needed = HashSet::new();
            while let Some(number) = waiting.pop() {
                if needed.insert(number) {
                    waiting.extend(&bodies[number]);
                }
            }
            needed
        };
        let mut needed: Vec<HashSet<usize>> = callers.into_iter().map(closed).collect();
        let called: HashSet<usize> = needed.iter().flatten().copied().collect();
        if let Some(first) = needed.first_mut() {
            first.extend((0..self.count).filter(|number| !called.contains(number)));
        }
        needed
    }
}

/// What a tool of a file is called behind the name of the file: words of its description joined by `-`.
pub(crate) fn slug(description: &str) -> String {
    let mut slug = String::new();
    for word in description
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        let plain: String = word.to_lowercase().chars().map(without_accent).collect();
        if !slug.is_empty() {
            if slug.len() + plain.len() >= SLUG_BYTES_MAX {
                break;
            }
            slug.push('-');
        }
        slug.extend(plain.chars().take(SLUG_BYTES_MAX));
    }
    slug
}

/// A slug ends with the last whole word before this.
const SLUG_BYTES_MAX: usize = 48;

/// Letters of the languages that most scripts are written in.
fn without_accent(letter: char) -> char {
    const ACCENTED: [(&str, char); 8] = [
        ("áàâãäå", 'a'),
        ("éèêë", 'e'),
        ("íìîï", 'i'),
        ("óòôõöø", 'o'),
        ("úùûü", 'u'),
        ("ç", 'c'),
        ("ñ", 'n'),
        ("ýÿ", 'y'),
    ];
    let found = ACCENTED.iter().find(|(accented, _)| accented.contains(letter));
    found.map_or(letter, |(_, plain)| *plain)
}
