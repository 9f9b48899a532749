//! Changing texts that are made of words and lines.

use rand::Rng;
use rand::rngs::StdRng;

use super::words::Words;

/// The pieces of a text: words, numbers, quoted texts, spaces, line breaks, and signs one by one.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let class = class_of(first);
        let length = match class {
            Class::Sign => first.len_utf8(),
            Class::Quote => {
                let inside = &rest[1..];
                let end = inside.find(['"', '\n']).unwrap_or(inside.len());
                1 + end + usize::from(inside[end..].starts_with('"'))
            }
            _ => rest.find(|c| class_of(c) != class).unwrap_or(rest.len()),
        };
        let (piece, more) = rest.split_at(length);
        rest = more;
        Some(piece)
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Word,
    Number,
    Space,
    Quote,
    Sign,
}

fn class_of(c: char) -> Class {
    match c {
        '"' => Class::Quote,
        ' ' | '\t' => Class::Space,
        '0'..='9' => Class::Number,
        c if c.is_alphanumeric() || c == '_' || c == '$' => Class::Word,
        _ => Class::Sign,
    }
}

/// One change; `other` is another input, parts of which may come in.
pub fn change(words: &Words, text: &str, other: &str, random: &mut StdRng) -> String {
    if random.random_bool(0.4) {
        change_lines(words, text, other, random)
    } else {
        change_pieces(words, text, other, random)
    }
}

fn change_lines(words: &Words, text: &str, other: &str, random: &mut StdRng) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let others: Vec<&str> = other.split('\n').collect();
    let (at, end) = range(lines.len(), 4, random);
    let (from, to) = range(others.len(), 6, random);
    match random.random_range(0..6) {
        0 => drop(lines.drain(at..end)),
        1 => {
            let again = lines[at..end].to_vec();
            lines.splice(end..end, again);
        }
        2 => {
            let moved: Vec<&str> = lines.drain(at..end).collect();
            let to = random.random_range(0..=lines.len());
            lines.splice(to..to, moved);
        }
        3 => drop(lines.splice(at..at, others[from..to].iter().copied())),
        4 => drop(lines.splice(at..end, others[from..to].iter().copied())),
        _ => {
            let (before, after) = words.around[random.random_range(0..words.around.len())];
            lines.insert(end, after);
            lines.insert(at, before);
        }
    }
    lines.join("\n")
}

fn change_pieces(words: &Words, text: &str, other: &str, random: &mut StdRng) -> String {
    let mut parts: Vec<&str> = pieces(text).collect();
    let others: Vec<&str> = pieces(other).collect();
    let (at, end) = range(parts.len(), 4, random);
    let word = words.draw(random);
    let own: String;
    match random.random_range(0..11) {
        0 => drop(parts.drain(at..end)),
        1 => drop(parts.splice(end..end, [" ", word, " "])),
        2 | 3 => drop(parts.splice(at..end.min(at + 1), [word])),
        4 if !others.is_empty() => {
            let (from, to) = range(others.len(), 6, random);
            parts.splice(at..end, others[from..to].iter().copied());
        }
        5 if !parts.is_empty() => {
            let last = parts.len() - 1;
            parts.swap(at.min(last), random.random_range(0..=last));
        }
        6 => {
            // Deeper than anybody writes, sometimes.
            let times = 1 << random.random_range(0..9);
            let (open, close) = words.brackets[random.random_range(0..words.brackets.len())];
            own = open.repeat(times) + &parts[at..end].concat() + &close.repeat(times);
            parts.splice(at..end, [own.as_str()]);
        }
        7 => {
            own = parts[at..end].concat().repeat(1 << random.random_range(1..8));
            parts.splice(at..end, [own.as_str()]);
        }
        8 => {
            let number = words.numbers[random.random_range(0..words.numbers.len())];
            let place = parts
                .iter()
                .skip(at)
                .position(|part| part.starts_with(|c: char| c.is_ascii_digit()))
                .map_or(at, |after| at + after);
            parts.splice(place..(place + 1).min(parts.len()), [number]);
        }
        9 => {
            let odd = ODD[random.random_range(0..ODD.len())];
            parts.insert(at, odd);
        }
        _ => {
            own = parts
                .get(at)
                .map_or_else(String::new, |part| recased(part, random));
            parts.splice(at..(at + 1).min(parts.len()), [own.as_str()]);
        }
    }
    parts.concat()
}

/// A part of the text repeated until all of it has about `bytes_max`.
pub fn repeated(text: &str, bytes_max: usize, random: &mut StdRng) -> String {
    let parts: Vec<&str> = if random.random_bool(0.3) {
        text.split_inclusive('\n').collect()
    } else {
        pieces(text).collect()
    };
    let (at, end) = range(parts.len(), 8, random);
    let part = parts[at..end].concat();
    let times = bytes_max.saturating_sub(text.len()) / part.len().max(1);
    parts[..at].concat() + &part.repeat(times) + &parts[at..].concat()
}

/// Signs that upset those who count characters or bytes.
const ODD: [&str; 14] = [
    "\r\n",
    "\r",
    "\u{feff}",
    "\u{0}",
    "é",
    "ß",
    "İ",
    "\u{301}",
    "💧",
    "\u{2028}",
    "\u{f0000}",
    "\"",
    "\\",
    "${",
];

fn recased(word: &str, random: &mut StdRng) -> String {
    if random.random_bool(0.5) {
        word.to_uppercase()
    } else {
        word.to_lowercase()
    }
}

/// A run of up to `most` among so many.
fn range(count: usize, most: usize, random: &mut StdRng) -> (usize, usize) {
    let at = random.random_range(0..=count);
    (at, (at + random.random_range(0..=most)).min(count))
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn pieces_are_the_text() {
        let text = "TALK  \"a b\" + x1\nIF é>12 THEN \"open";
        assert_eq!(pieces(text).collect::<String>(), text);
        assert_eq!(
            pieces("x=\"a b\"+12").collect::<Vec<_>>(),
            ["x", "=", "\"a b\"", "+", "12"]
        );
    }
}
